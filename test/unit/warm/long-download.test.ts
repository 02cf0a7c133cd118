import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../../src/errors.ts'
import { Patience } from '../../../src/warm/patience.ts'
import type { Sending } from '../../../src/warm/patience.ts'

const HOUR_MS = 3_600_000

/** Of a clock that jumps as far as is slept. */
function patience(): { readonly of: Patience; readonly clock: { nowMs: number } } {
  const clock = { nowMs: 0 }
  const of = new Patience({
    registry: 'ghcr.io',
    now: () => clock.nowMs,
    sleep: (durationMs) => {
      clock.nowMs += durationMs
      return Promise.resolve()
    },
    random: () => 1,
    notice: () => undefined,
  })
  return { of, clock }
}

/** Breaks off each hour, as often as told; `isMoving`: bytes come in between. */
async function download(breaks: number, isMoving: boolean, what: 'unreachable' | 'bad-response') {
  const { of, clock } = patience()
  let left = breaks
  const work = ({ progressed }: Sending): Promise<string> => {
    clock.nowMs += HOUR_MS
    if (isMoving) progressed()
    left -= 1
    if (left >= 0) throw new UpstreamError(what, 'it broke off', { mayPass: true })
    return Promise.resolve('whole')
  }
  return await of.bear('blobs', work, () => undefined, new AbortController().signal)
}

for (const what of ['unreachable', 'bad-response'] as const) {
  test(`a download that moves on after each break (${what}) is never given up for their number`, async () => {
    assert.equal(await download(20, true, what), 'whole')
  })

  test(`one that does not move is (${what})`, async () => {
    await assert.rejects(download(20, false, what), UpstreamError)
  })
}
