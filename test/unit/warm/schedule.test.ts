// When a list is warmed by itself: at its time, in its windows, once, and never twice for the same time.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { decide, decidedAtStart, nextBegin, scheduleOf } from '../../../src/warm/schedule.ts'
import type { Decided, LastRun, Schedule } from '../../../src/warm/schedule.ts'
import { campaign, seed } from '../../support/seed.ts'

// Clocks go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
process.env['TZ'] = 'Europe/Berlin'

const HOUR_MS = 3_600_000
const NIGHT = { from: 60, to: 360, timeZone: undefined }
const at = (text: string): number => Date.parse(text)
const iso = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().slice(0, 16)

/** What is decided at each of the moments, as `01:30 begin`, and until when a run that begins may take. */
function days(
  schedule: Schedule,
  from: Decided,
  moments: readonly string[],
  isRunning = false,
): string[] {
  let decided = from
  return moments.flatMap((moment) => {
    const decision = decide(schedule, decided, { now: at(moment), isRunning })
    decided = decision.decided
    if (decision.what === undefined) return []
    const end = decision.untilAt === undefined ? '' : ` until ${iso(decision.untilAt)}`
    return [`${moment} ${decision.what}${end}`]
  })
}

const since = (text: string): Decided => ({ until: at(text), isWaiting: false })

suite('a list is due', () => {
  test('at half past one where nothing is said, else when its windows open, else as was said', () => {
    const dues = (of: Schedule): string[] => of.dues.map(({ pattern }) => pattern)
    assert.deepEqual(dues(scheduleOf(undefined, [])), ['30 1 * * *'])
    assert.deepEqual(dues(scheduleOf(undefined, [NIGHT])), ['0 1 * * *'])
    assert.deepEqual(dues(scheduleOf('*/20 * * * *', [NIGHT])), ['*/20 * * * *'])
    const there = { from: 135, to: 200, timeZone: 'America/New_York' }
    assert.deepEqual(scheduleOf(undefined, [NIGHT, there]).dues, [
      { pattern: '0 1 * * *', timeZone: undefined },
      { pattern: '15 2 * * *', timeZone: 'America/New_York' },
    ])
  })

  test('once, however often the clock is looked at', () => {
    const looks = ['2026-11-22T01:29:59+01:00', '2026-11-22T01:30:00+01:00']
    const more = ['2026-11-22T01:30:30+01:00', '2026-11-22T01:31:00+01:00']
    assert.deepEqual(
      days(scheduleOf(undefined, []), since('2026-11-21T12:00Z'), [...looks, ...more]),
      ['2026-11-22T01:30:00+01:00 begin'],
    )
  })

  test('and begins in a window, until that ends', () => {
    const schedule = scheduleOf(undefined, [NIGHT])
    assert.deepEqual(days(schedule, since('2026-11-21T12:00Z'), ['2026-11-22T01:00+01:00']), [
      '2026-11-22T01:00+01:00 begin until 2026-11-22T05:00',
    ])
  })

  test('and waits outside of every window, until one opens', () => {
    const schedule = scheduleOf('0 12 * * *', [NIGHT])
    const moments = ['2026-11-22T12:00', '2026-11-22T18:00', '2026-11-23T00:59', '2026-11-23T01:00']
    const zoned = [...moments, '2026-11-23T01:01'].map((moment) => `${moment}+01:00`)
    assert.deepEqual(days(schedule, since('2026-11-22T00:00Z'), zoned), [
      '2026-11-22T12:00+01:00 wait',
      '2026-11-23T01:00+01:00 begin until 2026-11-23T05:00',
    ])
    const decided = { until: at('2026-11-22T12:00+01:00'), isWaiting: true }
    assert.equal(iso(nextBegin(schedule, decided)), '2026-11-23T00:00')
    assert.equal(iso(nextBegin(schedule, since('2026-11-22T00:00Z'))), '2026-11-23T00:00')
  })

  test('and is passed over where the run before goes on, without being made up for', () => {
    const schedule = scheduleOf('0 * * * *', [])
    const first = decide(schedule, since('2026-11-22T00:30Z'), {
      ...{ now: at('2026-11-22T01:00Z'), isRunning: true },
    })
    assert.equal(first.what, 'pass-over')
    assert.deepEqual(days(schedule, first.decided, ['2026-11-22T01:10Z', '2026-11-22T02:00Z']), [
      '2026-11-22T02:00Z begin',
    ])
  })

  test('not for times that had passed when the list began to name them', () => {
    const { decided } = decide(scheduleOf(undefined, []), since('2026-11-21T12:00Z'), {
      ...{ now: at('2026-11-22T14:00+01:00'), isRunning: false },
    })
    const changed = scheduleOf(undefined, [{ from: 720, to: 900, timeZone: undefined }])
    assert.deepEqual(days(changed, decided, ['2026-11-22T14:01+01:00']), [])
  })
})

suite('a server that starts', () => {
  const schedule = scheduleOf(undefined, [])
  const last = (more: Partial<LastRun> = {}): LastRun => ({
    ...{ startedAt: '2026-11-22T00:30:00.000Z', outcome: 'done', isScheduled: true, ...more },
  })
  const begins = (of: LastRun | undefined, now: string): boolean => {
    const decided = decidedAtStart(of, at(now))
    return decide(schedule, decided, { now: at(now), isRunning: false }).what === 'begin'
  }

  test('catches up what came due since the last run, once', () => {
    assert.equal(begins(last(), '2026-11-23T00:29Z'), false)
    assert.equal(begins(last(), '2026-11-23T00:31Z'), true)
    assert.equal(begins(last(), '2026-12-24T12:00Z'), true)
    const now = '2026-12-24T12:00Z'
    const looks = [now, '2026-12-24T12:01Z', '2026-12-24T23:00Z']
    assert.deepEqual(days(schedule, decidedAtStart(last(), at(now)), looks), [`${now} begin`])
  })

  test('catches up a run that was cut off or could reach nothing, if the schedule began it', () => {
    const soon = '2026-11-22T02:00Z'
    for (const outcome of ['interrupted', 'nothing'] as const) {
      assert.equal(begins(last({ outcome }), soon), true, outcome)
      assert.equal(begins(last({ outcome, isScheduled: false }), soon), false, outcome)
    }
    for (const outcome of ['left', 'failures', 'over-budget'] as const) {
      assert.equal(begins(last({ outcome }), soon), false, outcome)
    }
  })

  test('has missed nothing of a list that never ran', () => {
    assert.equal(begins(undefined, '2026-11-23T00:31Z'), false)
  })

  test('believes no run of a time that is still to come', () => {
    const decided = decidedAtStart(
      last({ startedAt: '2038-01-01T00:00:00.000Z' }),
      at('2026-11-22T12:00Z'),
    )
    assert.equal(iso(nextBegin(schedule, decided)), '2026-11-23T00:30')
  })
})

suite('whatever the clock does', () => {
  const schedule = scheduleOf(undefined, [])

  test('after a sleep, or set forward, it begins late and once', () => {
    const looks = ['2026-11-21T23:00Z', '2026-11-24T08:00Z', '2026-11-24T08:01Z']
    assert.deepEqual(days(schedule, since('2026-11-21T12:00Z'), looks), ['2026-11-24T08:00Z begin'])
  })

  test('set back, it does not begin twice for the same time', () => {
    const looks = [
      '2026-11-22T00:30Z',
      '2026-11-22T00:10Z',
      '2026-11-22T00:30Z',
      '2026-11-23T00:30Z',
    ]
    assert.deepEqual(days(schedule, since('2026-11-21T12:00Z'), looks), [
      '2026-11-22T00:30Z begin',
      '2026-11-23T00:30Z begin',
    ])
  })

  test('set right after it was years ahead, it does not wait for those years', () => {
    const looks = ['2038-01-01T12:00Z', '2026-11-22T12:00Z', '2026-11-23T00:30Z']
    assert.deepEqual(days(schedule, since('2037-12-31T12:00Z'), looks), [
      '2038-01-01T12:00Z begin',
      '2026-11-23T00:30Z begin',
    ])
  })

  test('a time that is left out, and one that comes twice, are due once', () => {
    const half = scheduleOf('30 2 * * *', [])
    const spring = Array.from({ length: 48 }, (_, n) => at('2026-03-28T12:10Z') + n * HOUR_MS)
    const autumn = Array.from({ length: 48 }, (_, n) => at('2026-10-24T12:10Z') + n * HOUR_MS)
    const looks = (all: readonly number[]): string[] =>
      all.map((each) => new Date(each).toISOString())
    assert.deepEqual(days(half, since('2026-03-28T12:00Z'), looks(spring)), [
      '2026-03-29T01:10:00.000Z begin',
      '2026-03-30T01:10:00.000Z begin',
    ])
    assert.deepEqual(days(half, since('2026-10-24T12:00Z'), looks(autumn)), [
      '2026-10-25T01:10:00.000Z begin',
      '2026-10-26T02:10:00.000Z begin',
    ])
  })

  test('a window that a day leaves out is that of the next day', () => {
    const short = scheduleOf(undefined, [{ from: 135, to: 165, timeZone: undefined }])
    const looks = [
      '2026-03-29T01:00Z',
      '2026-03-29T01:30Z',
      '2026-03-30T00:15Z',
      '2026-03-30T00:16Z',
    ]
    assert.deepEqual(days(short, since('2026-03-28T12:00Z'), looks), [
      '2026-03-29T01:00Z wait',
      '2026-03-30T00:15Z begin until 2026-03-30T00:45',
    ])
  })

  test('a whole day of it begins as often as there are times, wherever it is', () => {
    const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
    const day = fc.constantFrom(
      '2026-03-08',
      '2026-03-29',
      '2026-04-05',
      '2026-10-04',
      '2026-10-25',
    )
    const everySoMany = fc.integer({ min: 1, max: 240 })
    fc.assert(
      fc.property(zone, day, fc.nat(1439), everySoMany, (timeZone, date, time, minutes) => {
        const pattern = `${time % 60} ${Math.floor(time / 60)} * * *`
        const daily = { dues: [{ pattern, timeZone }], windows: [] }
        const begin = at(`${date}T00:00Z`) - 36 * HOUR_MS
        let decided: Decided = { until: begin, isWaiting: false }
        let begun = 0
        for (let now = begin; now <= begin + 96 * HOUR_MS; now += minutes * 60_000) {
          const decision = decide(daily, decided, { now, isRunning: false })
          decided = decision.decided
          if (decision.what === 'begin') begun += 1
        }
        assert.ok(begun >= 3 && begun <= 5, `${begun} times in four days`)
      }),
      { seed, numRuns: campaign(50) },
    )
  })
})
