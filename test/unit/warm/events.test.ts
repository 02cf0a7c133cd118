import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmAsk, WarmReport, WarmResult } from '../../../src/care/warm-job.ts'
import { silentLog } from '../../../src/lib/log.ts'
import { logWarmEvents } from '../../../src/warm/events.ts'

const FAILURES = 250
const LOGGED_MAX = 100

function resultOf(n: number, changes: Partial<WarmResult> = {}): WarmResult {
  return {
    ...({ status: 'failed', cause: 'not-found', because: 'it does not exist' } as WarmResult),
    reference: `docker.io/library/app:${n}`,
    places: [{ source: 'mirror.txt', line: n }],
    ...changes,
  }
}

const told: string[] = []
const log = {
  ...silentLog,
  info: (message: string) => void told.push(`info ${message}`),
  warn: (message: string) => void told.push(`warn ${message}`),
}
const source = { name: 'mirror.txt', text: '' }
const ASK = { sources: [source, { ...source, name: 'b.txt' }] } as unknown as WarmAsk

function reportOf(
  outcome: WarmReport['outcome'],
  totals: Partial<WarmReport['totals']>,
  results: readonly WarmResult[],
): WarmReport {
  return {
    ...{ startedAt: '2026-11-22T01:30:00.000Z', endedAt: '2026-11-22T01:31:00.000Z' },
    ...{ outcome, because: undefined, results },
    totals: { warmed: 3, fresh: 2, failed: 0, left: 0, references: 256, bytesNew: 1024, ...totals },
  } as unknown as WarmReport
}

test('a server’s log tells of a run’s begin and end, and of a bounded number of its failures', () => {
  const events = logWarmEvents(log)
  told.length = 0
  events.begun(ASK)
  const failures = Array.from({ length: FAILURES }, (_, n) => resultOf(n))
  events.ended(ASK, reportOf('failures', { failed: FAILURES, left: 1 }, failures))
  assert.equal(told[0], 'info warming mirror.txt and 1 other')
  assert.equal(
    told[1],
    'warn cannot warm docker.io/library/app:0 (mirror.txt:0): it does not exist',
  )
  assert.equal(told.length, 2 + LOGGED_MAX)
  assert.equal(
    told.at(-1),
    'warn warming mirror.txt and 1 other has ended: 3 warmed, 2 fresh, 250 failed, 1 left of 256 ' +
      'images in 1m (1 KiB); what came of each: regmirror warm --last 1',
  )
})

test('what lists may not keep is named and is not for the next run; a run that went well is no warning', () => {
  const events = logWarmEvents(log)
  told.length = 0
  const unkept = resultOf(7, { status: 'left', cause: 'budget', because: 'lists may keep 1 MiB' })
  events.ended(ASK, reportOf('over-budget', { left: 3 }, [unkept]))
  events.ended(ASK, reportOf('left', { left: 3 }, []))
  assert.deepEqual(told, [
    'warn over the budget: docker.io/library/app:7 (mirror.txt:7): lists may keep 1 MiB',
    'warn warming mirror.txt and 1 other has ended: 3 warmed, 2 fresh, 0 failed, 2 left, ' +
      '1 over the budget of 256 images in 1m (1 KiB); what came of each: regmirror warm --last 1',
    'info warming mirror.txt and 1 other has ended: 3 warmed, 2 fresh, 0 failed, 3 left of 256 ' +
      'images in 1m (1 KiB)',
  ])
})
