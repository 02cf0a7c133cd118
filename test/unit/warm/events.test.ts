import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmReport, WarmResult } from '../../../src/care/warm-job.ts'
import { silentLog } from '../../../src/lib/log.ts'
import { logWarmEvents } from '../../../src/warm/events.ts'

const FAILURES = 250
const LOGGED_MAX = 100

function resultOf(n: number): WarmResult {
  return {
    ...({ status: 'failed', cause: 'not-found', because: 'it does not exist' } as WarmResult),
    reference: `docker.io/library/app:${n}`,
    places: [{ source: 'mirror.txt', line: n }],
  }
}

test('a server’s log tells of a run’s begin and end, and of a bounded number of its failures', () => {
  const told: string[] = []
  const log = {
    ...silentLog,
    info: (message: string) => void told.push(`info ${message}`),
    warn: (message: string) => void told.push(`warn ${message}`),
  }
  const events = logWarmEvents(log)
  const source = { name: 'mirror.txt', text: '' }
  events.begun({ sources: [source, { ...source, name: 'b.txt' }] } as never)
  const totals = { warmed: 3, fresh: 2, failed: FAILURES, left: 1, references: 256, bytesNew: 1024 }
  events.ended({
    ...{ startedAt: '2026-11-22T01:30:00.000Z', endedAt: '2026-11-22T01:31:00.000Z' },
    ...{ outcome: 'failures', because: undefined, totals },
    results: Array.from({ length: FAILURES }, (_, n) => resultOf(n)),
  } as unknown as WarmReport)
  assert.equal(told[0], 'info warming mirror.txt and 1 other')
  assert.equal(
    told[1],
    'warn cannot warm docker.io/library/app:0 (mirror.txt:0): it does not exist',
  )
  assert.equal(told.length, 2 + LOGGED_MAX)
  assert.equal(
    told.at(-1),
    'info warming has ended: 3 warmed, 2 fresh, 250 failed, 1 left of 256 images in 1m (1 KiB)',
  )
})
