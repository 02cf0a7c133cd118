import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../../src/upstream/limits.ts'
import type { FailedTry } from '../../../src/upstream/retry.ts'
import { parseRetryAfter, retryDelayMs } from '../../../src/upstream/retry.ts'

const FIRST: FailedTry = {
  failed: 1,
  tries: 3,
  transient: true,
  retryAfterMs: undefined,
  remainingMs: 20_000,
}

const DELAYS: [string, Partial<FailedTry>, number, number | undefined][] = [
  ['the first', {}, 0, 200],
  ['the first, at most', {}, 0.999, 400],
  ['the second', { failed: 2 }, 0.5, 600],
  ['a late one', { failed: 6, tries: 9 }, 0.5, 2_000],
  ['the last', { failed: 3 }, 0, undefined],
  ['a lasting failure', { transient: false }, 0, undefined],
  ['a short Retry-After', { retryAfterMs: 1_500 }, 0, 1_500],
  ['a Retry-After of nothing', { retryAfterMs: 0 }, 0, 200],
  ['a long Retry-After', { retryAfterMs: 2_001 }, 0, undefined],
  ['no time left', { remainingMs: 200 }, 0, undefined],
]

for (const [what, failure, random, delayMs] of DELAYS) {
  test(`delay after ${what}: ${delayMs}`, () => {
    assert.equal(retryDelayMs({ ...FIRST, ...failure }, DEFAULT_LIMITS, random), delayMs)
  })
}

const DAY_MS = 24 * 3_600_000
const NOW = Date.parse('2026-01-01T00:00:00Z')
const RETRY_AFTERS: [string | undefined, number | undefined][] = [
  ['7', 7_000],
  [' 0.5 ', 500],
  ['0', 0],
  ['3600', 3_600_000],
  ['99999999', DAY_MS],
  ['Thu, 01 Jan 2026 00:00:09 GMT', 9_000],
  ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
  ['Friday, 02-Jan-26 00:00:00 GMT', DAY_MS],
  ['Thu, 01 Jan 2026 12:00:00 GMT', DAY_MS / 2],
  ['Fri, 01 Jan 2027 00:00:00 GMT', DAY_MS],
  ['-5', undefined],
  ['soon', undefined],
  ['', undefined],
  ['Thu, 99 Foo 2026', undefined],
  [undefined, undefined],
]

for (const [text, waitMs] of RETRY_AFTERS) {
  test(`Retry-After ${text}: ${waitMs}`, () => {
    assert.equal(parseRetryAfter(text, NOW), waitMs)
  })
}
