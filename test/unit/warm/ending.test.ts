import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LOOK_EVERY_MS } from '../../../src/lib/wall-clock.ts'
import type { Clock } from '../../../src/lib/wall-clock.ts'
import { Ending } from '../../../src/warm/ending.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const HOUR_MS = 3_600_000

function running(): Ending {
  const { signal } = new AbortController()
  return new Ending(signal, undefined, () => Promise.resolve(), Date.now)
}

test('only images without room one after the other end a run', () => {
  const ending = running()
  for (let n = 0; n < 4; n += 1) ending.foundNoRoom('more room')
  ending.foundRoom()
  for (let n = 0; n < 4; n += 1) ending.foundNoRoom('more room')
  assert.equal(ending.by, undefined)
  ending.foundNoRoom('more room')
  assert.deepEqual([ending.by, ending.remedy], ['room', 'more room'])
  assert.equal(ending.signal.aborted, true)
})

test('that somebody stops it counts, whatever ended it before', () => {
  const ending = running()
  ending.end('disk', 'the disk is full')
  ending.end('until', 'its time was up')
  assert.equal(ending.by, 'disk')
  ending.end('stopped', 'it was interrupted')
  assert.equal(ending.because, 'it was interrupted')
})

test('its time is that of the clock on the wall, though the machine sleeps meanwhile or the clock is set', async () => {
  const clock = new ManualClock(1_000_000)
  const sleep: Clock['sleep'] = (durationMs, signal) => clock.sleep(durationMs, signal)
  const untilMs = clock.now() + 8 * HOUR_MS
  const ending = new Ending(new AbortController().signal, untilMs, sleep, () => clock.now())
  await clock.pass(HOUR_MS)
  clock.set(clock.now() - HOUR_MS)
  await clock.pass(2 * HOUR_MS)
  assert.equal(ending.by, undefined)
  clock.set(untilMs + HOUR_MS)
  await clock.pass(LOOK_EVERY_MS)
  assert.equal(ending.by, 'until')
})
