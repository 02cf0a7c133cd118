import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../../src/errors.ts'
import type { UpstreamErrorKind } from '../../../src/errors.ts'
import { AttemptError } from '../../../src/upstream/attempt-error.ts'

const BY_KIND: Readonly<Record<UpstreamErrorKind, boolean>> = {
  unreachable: true,
  'timed-out': true,
  'rate-limited': true,
  'set-aside': true,
  'not-visible': false,
  unauthorized: false,
  'bad-response': false,
  offline: false,
}

for (const [kind, mayPass] of Object.entries(BY_KIND) as [UpstreamErrorKind, boolean][]) {
  test(`what is ${kind} ${mayPass ? 'may' : 'does not'} pass by itself`, () => {
    assert.equal(new UpstreamError(kind, 'as it is').mayPass, mayPass)
  })
}

test('of a failed try its own word counts where the kind leaves it open, and only there', () => {
  const mayPass = (kind: UpstreamErrorKind, transient: boolean): boolean =>
    new AttemptError(kind, 'as it is', { transient }).mayPass
  assert.equal(mayPass('bad-response', true), true, 'a 503')
  assert.equal(mayPass('bad-response', false), false, 'a page')
  assert.equal(mayPass('unreachable', false), false, 'a certificate that is not trusted')
  assert.equal(mayPass('rate-limited', false), true, 'a 429 that does not say for how long')
  assert.equal(mayPass('not-visible', true), false)
})
