import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { IntegrityError, StoreError, UpstreamError } from '../../../src/errors.ts'
import {
  delayAfter,
  isTold,
  OUTAGE_MAX_MS,
  passingKind,
  TRIES_MAX,
  WAIT_MAX_MS,
} from '../../../src/warm/retry-delay.ts'
import type { Failure } from '../../../src/warm/retry-delay.ts'

const failure: Failure = {
  kind: 'unreachable',
  retryAfterMs: undefined,
  wasSent: true,
  failed: 1,
  failingMs: undefined,
  inARow: 0,
  hasAnswered: true,
  random: 1,
}

test('a told wait is kept exactly, and one of more than a quarter of an hour is not waited for', () => {
  const told = (retryAfterMs: number) =>
    delayAfter({ ...failure, kind: 'rate-limited', retryAfterMs })
  assert.equal(told(1000), 1000)
  assert.equal(told(38_000), 38_000)
  assert.equal(told(WAIT_MAX_MS), WAIT_MAX_MS)
  assert.equal(told(WAIT_MAX_MS + 1), 'exhausted')
})

test('a told wait of nothing is as good as none', () => {
  const told = { ...failure, kind: 'rate-limited', retryAfterMs: 0, inARow: 3 } as const
  assert.equal(delayAfter(told), 8000)
  assert.ok(!isTold(told))
})

test('what was refused here is asked as soon as that may be over, however often it was refused', () => {
  const here = { ...failure, kind: 'rate-limited', retryAfterMs: 300, wasSent: false } as const
  assert.equal(delayAfter({ ...here, inARow: 5 }), 300)
  assert.ok(!isTold({ ...here, retryAfterMs: 5000 }))
  assert.equal(delayAfter({ ...here, retryAfterMs: WAIT_MAX_MS + 1 }), 'exhausted')
})

test('untold waits double from one second to a minute, at most', () => {
  fc.assert(
    fc.property(
      fc.nat(200),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (inARow, random) => {
        const delay = delayAfter({ ...failure, inARow, random })
        assert.ok(typeof delay === 'number')
        assert.ok(delay >= 0 && delay <= Math.min(60_000, 1000 * 2 ** inARow))
      },
    ),
  )
})

test('five tries, and two of a registry that never answered', () => {
  assert.equal(delayAfter({ ...failure, failed: TRIES_MAX }), 'give-up')
  assert.equal(typeof delayAfter({ ...failure, failed: TRIES_MAX - 1 }), 'number')
  assert.equal(delayAfter({ ...failure, failed: 2, hasAnswered: false }), 'give-up')
  const limited = { ...failure, kind: 'rate-limited', failed: 2, hasAnswered: false } as const
  assert.equal(typeof delayAfter(limited), 'number')
})

test('tries do not run out while nobody gets an answer, until the outage is too long', () => {
  const out = { ...failure, failed: TRIES_MAX + 1 }
  assert.equal(typeof delayAfter({ ...out, failingMs: OUTAGE_MAX_MS - 1 }), 'number')
  assert.equal(delayAfter({ ...out, failingMs: OUTAGE_MAX_MS }), 'give-up')
})

test('only what may pass is tried again', () => {
  const again = ['rate-limited', 'unreachable', 'timed-out', 'set-aside'] as const
  for (const kind of again) assert.equal(passingKind(new UpstreamError(kind, '')), kind)
  const never = ['not-visible', 'unauthorized', 'bad-response', 'offline'] as const
  for (const kind of never) assert.equal(passingKind(new UpstreamError(kind, '')), undefined)
  const busy = new UpstreamError('bad-response', '503', { mayPass: true })
  assert.equal(passingKind(busy), 'bad-response')
  assert.equal(passingKind(new UpstreamError('unreachable', '', { mayPass: false })), undefined)
  assert.equal(passingKind(new IntegrityError('digest', '')), undefined)
  assert.equal(passingKind(new StoreError('full', '')), undefined)
})
