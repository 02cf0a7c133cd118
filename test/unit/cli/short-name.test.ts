import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shortName } from '../../../src/cli/warm-display-progress.ts'

const HEX = '0123456789abcdef'.repeat(4)

test('names on a terminal are as people know them, with digests cut short wherever they stand', () => {
  assert.equal(shortName('docker.io/library/nginx:1.25'), 'nginx:1.25')
  assert.equal(shortName(`ghcr.io/acme/app@sha256:${HEX}`), 'ghcr.io/acme/app@sha256:0123456789ab')
  assert.equal(
    shortName(`quay.io/acme/app:sha256-${HEX}.sig`),
    'quay.io/acme/app:sha256-0123456789ab.sig',
  )
  assert.equal(shortName('docker.io/acme/app:sha256-notes'), 'docker.io/acme/app:sha256-notes')
})
