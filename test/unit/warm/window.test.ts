// When `@window` lets runs begin, and when it ends them, also on days on which the clock is set.
import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { mayBegin, nextOpening, windowEnd } from '../../../src/warm/window.ts'
import { campaign, seed } from '../../support/seed.ts'

// Clocks go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
process.env['TZ'] = 'Europe/Berlin'

interface Hours {
  readonly from: number
  readonly to: number
  readonly timeZone: string | undefined
}

const minutes = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
const hours = (text: string, timeZone?: string): Hours => {
  const [from = '', to = ''] = text.split('-')
  return { from: minutes(from), to: minutes(to), timeZone }
}
const iso = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString().slice(0, 16)

interface Seen {
  readonly isOpen: boolean
  readonly ends: string | undefined
  readonly opens: string | undefined
}

function look(at: string, ...windows: readonly Hours[]): Seen {
  const now = Date.parse(at)
  return {
    isOpen: mayBegin(windows, now),
    ends: iso(windowEnd(windows, now)),
    opens: iso(nextOpening(windows, now)),
  }
}

suite('a window', () => {
  const night = hours('01:00-06:00', 'UTC')

  test('is open from its first minute on, and closed from its last', () => {
    const ends = '2026-11-22T06:00'
    assert.equal(look('2026-11-22T00:59:59Z', night).isOpen, false)
    assert.deepEqual(look('2026-11-22T01:00:00Z', night), {
      ...{ isOpen: true, ends, opens: '2026-11-23T01:00' },
    })
    assert.equal(look('2026-11-22T05:59:59Z', night).ends, ends)
    assert.deepEqual(look('2026-11-22T06:00:00Z', night), {
      ...{ isOpen: false, ends: undefined, opens: '2026-11-23T01:00' },
    })
  })

  test('may go over midnight', () => {
    const late = hours('22:30-05:00', 'UTC')
    assert.equal(look('2026-11-22T23:00Z', late).ends, '2026-11-23T05:00')
    assert.equal(look('2026-11-23T04:59Z', late).ends, '2026-11-23T05:00')
    assert.deepEqual(look('2026-11-23T12:00Z', late), {
      ...{ isOpen: false, ends: undefined, opens: '2026-11-23T22:30' },
    })
  })

  test('none at all is no limit', () => {
    assert.deepEqual(look('2026-11-22T12:00Z'), {
      ...{ isOpen: true, ends: undefined, opens: undefined },
    })
  })

  test('goes over into the next one, and the two are one', () => {
    const windows = [hours('01:00-03:00', 'UTC'), hours('02:30-04:00', 'UTC')]
    assert.equal(look('2026-11-22T01:10Z', ...windows).ends, '2026-11-22T04:00')
    assert.equal(
      look('2026-11-22T03:10Z', hours('01:00-02:00', 'UTC'), ...windows).ends,
      '2026-11-22T04:00',
    )
    assert.equal(look('2026-11-22T12:00Z', ...windows).opens, '2026-11-23T01:00')
  })

  test('that leaves nothing out of the day ends a run all the same', () => {
    const day = [hours('00:00-12:00', 'UTC'), hours('12:00-00:00', 'UTC')]
    assert.deepEqual(look('2026-11-22T01:00Z', ...day), {
      ...{ isOpen: true, ends: '2026-11-23T01:00', opens: undefined },
    })
  })

  test('is of its time zone', () => {
    const there = hours('01:00-06:00', 'America/New_York')
    assert.equal(look('2026-11-22T05:59Z', there).isOpen, false)
    assert.equal(look('2026-11-22T06:00Z', there).ends, '2026-11-22T11:00')
    assert.equal(look('2026-11-22T00:00Z', hours('01:00-06:00')).ends, '2026-11-22T05:00')
  })
})

suite('on a day on which the clock is set', () => {
  test('forward: a window whose end is left out ends where the clock goes on', () => {
    assert.equal(look('2026-03-29T00:30Z', hours('01:00-02:30')).ends, '2026-03-29T01:00')
    assert.equal(look('2026-03-29T01:00Z', hours('01:00-02:30')).isOpen, false)
    assert.equal(look('2026-03-29T00:30Z', hours('01:00-06:00')).ends, '2026-03-29T04:00')
  })

  test('forward: one whose beginning is left out opens where the clock goes on', () => {
    assert.equal(look('2026-03-29T00:30Z', hours('02:30-06:00')).opens, '2026-03-29T01:00')
    assert.equal(look('2026-03-29T01:00Z', hours('02:30-06:00')).ends, '2026-03-29T04:00')
  })

  test('forward: one that is left out as a whole opens on the next day', () => {
    const short = hours('02:15-02:45')
    assert.deepEqual(look('2026-03-29T00:59Z', short), {
      ...{ isOpen: false, ends: undefined, opens: '2026-03-30T00:15' },
    })
    assert.equal(
      look('2026-10-03T15:29Z', hours('02:05-02:25', 'Australia/Lord_Howe')).opens,
      '2026-10-04T15:05',
    )
  })

  test('back: an hour that comes twice is open twice, and closed between', () => {
    const window = hours('01:00-02:30')
    assert.equal(look('2026-10-25T00:10Z', window).ends, '2026-10-25T00:30')
    assert.equal(look('2026-10-25T00:40Z', window).isOpen, false)
    assert.equal(look('2026-10-25T01:10Z', window).ends, '2026-10-25T01:30')
    assert.equal(look('2026-10-25T00:40Z', hours('02:30-03:00')).ends, '2026-10-25T01:00')
    assert.equal(look('2026-10-24T23:10Z', hours('01:00-06:00')).ends, '2026-10-25T05:00')
  })

  test('back by half an hour, and in other months', () => {
    const there = hours('01:00-03:00', 'Australia/Lord_Howe')
    assert.equal(look('2026-04-04T14:30Z', there).ends, '2026-04-04T16:30')
    assert.equal(
      look('2026-11-01T05:30Z', hours('01:00-03:00', 'America/New_York')).ends,
      '2026-11-01T08:00',
    )
  })
})

test('whatever the hours and the day: it is open until its end, and opens when it says', () => {
  const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'UTC')
  const day = fc.constantFrom(
    '2026-03-08',
    '2026-03-29',
    '2026-04-05',
    '2026-10-04',
    '2026-10-25',
    '2026-11-01',
  )
  const time = fc.nat(1439)
  fc.assert(
    fc.property(zone, day, time, time, fc.nat(2880), (timeZone, date, from, to, minute) => {
      fc.pre(from !== to)
      const windows = [{ from, to, timeZone }]
      const now = Date.parse(`${date}T00:00Z`) + (minute - 720) * 60_000
      const end = windowEnd(windows, now)
      assert.equal(end !== undefined, mayBegin(windows, now))
      for (let at = now; at < (end ?? now); at += 60_000) {
        assert.ok(mayBegin(windows, at), `closed at ${iso(at)} before ${iso(end)}`)
      }
      if (end !== undefined) assert.ok(!mayBegin(windows, end))
      const opens = nextOpening(windows, now)
      assert.ok(opens !== undefined && opens > now && mayBegin(windows, opens))
      assert.ok(opens <= now + 49 * 3_600_000)
    }),
    { seed, numRuns: campaign(100) },
  )
})
