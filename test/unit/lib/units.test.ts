import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatBytes,
  formatDuration,
  formatElapsed,
  parseDuration,
} from '../../../src/lib/units.ts'

test('a printed duration reads back as the same number', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 10 ** 12 }), (durationMs) => {
      assert.equal(parseDuration(formatDuration(durationMs)), durationMs)
    }),
    { seed: Number(process.env['REGMIRROR_SEED'] ?? 1) },
  )
})

test('durations are printed in the largest unit that is exact', () => {
  const cases = [
    [0, '0ms'],
    [90_000, '90s'],
    [60_000, '1m'],
    [86_400_000, '24h'],
    [172_800_000, '2d'],
    [1001, '1001ms'],
  ] as const
  for (const [durationMs, text] of cases) assert.equal(formatDuration(durationMs), text)
})

test('what is read by people is rounded', () => {
  assert.equal(formatElapsed(34.6), '35ms')
  assert.equal(formatElapsed(1234), '1.2s')
  assert.equal(formatElapsed(240_500), '4m')
  assert.equal(formatBytes(71_303_168), '68 MiB')
})
