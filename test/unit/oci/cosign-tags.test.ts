import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cosignTags } from '../../../src/oci/cosign-tags.ts'
import { digestOf } from '../../../src/oci/digest.ts'

test('cosign names its tags after the digest, which only sha256 leaves room for', () => {
  const digest = digestOf(Buffer.from('manifest'))
  const name = digest.replace(':', '-')
  assert.deepEqual(
    cosignTags(digest).map(({ tag }) => tag),
    [`${name}.sig`, `${name}.att`, `${name}.sbom`],
  )
  assert.deepEqual(cosignTags(digestOf(Buffer.from('manifest'), 'sha512')), [])
})
