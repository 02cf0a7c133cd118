import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { nextTimeOfDay, parseTimeOfDay } from '../../../src/lib/time-of-day.ts'
import { campaign, seed } from '../../support/seed.ts'

// Clocks go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
process.env['TZ'] = 'Europe/Berlin'

const next = (time: string, now: string): string => {
  const wanted = parseTimeOfDay(time)
  assert.ok(wanted !== undefined)
  return new Date(nextTimeOfDay(wanted, Date.parse(now))).toISOString()
}

test('a time of the day has hours and minutes', () => {
  assert.equal(parseTimeOfDay('06:00'), 360)
  assert.equal(parseTimeOfDay('6:00'), 360)
  assert.equal(parseTimeOfDay('00:00'), 0)
  assert.equal(parseTimeOfDay('23:59'), 1439)
  for (const wrong of ['', '6', '24:00', '06:60', '6:0', '06:00:00', '6pm', ' 06:00', '-1:00']) {
    assert.equal(parseTimeOfDay(wrong), undefined, wrong)
  }
})

suite('the next moment at which the clock shows it', () => {
  test('today where it is still to come, else tomorrow', () => {
    assert.equal(next('06:00', '2026-06-10T01:30:00+02:00'), '2026-06-10T04:00:00.000Z')
    assert.equal(next('06:00', '2026-06-10T22:00:00+02:00'), '2026-06-11T04:00:00.000Z')
    assert.equal(next('06:00', '2026-06-10T05:59:59+02:00'), '2026-06-10T04:00:00.000Z')
    assert.equal(next('00:00', '2026-12-31T12:00:00+01:00'), '2026-12-31T23:00:00.000Z')
  })

  test('the minute that runs has come already', () => {
    assert.equal(next('06:00', '2026-06-10T06:00:00+02:00'), '2026-06-11T04:00:00.000Z')
    assert.equal(next('06:00', '2026-06-10T06:00:30+02:00'), '2026-06-11T04:00:00.000Z')
  })

  test('a time that the clock leaves out is when it goes on', () => {
    assert.equal(next('02:30', '2026-03-28T22:00:00+01:00'), '2026-03-29T01:00:00.000Z')
    assert.equal(next('03:00', '2026-03-28T22:00:00+01:00'), '2026-03-29T01:00:00.000Z')
    assert.equal(next('03:30', '2026-03-28T22:00:00+01:00'), '2026-03-29T01:30:00.000Z')
  })

  test('of a time that comes twice the next counts', () => {
    assert.equal(next('02:30', '2026-10-24T22:00:00+02:00'), '2026-10-25T00:30:00.000Z')
    assert.equal(next('02:30', '2026-10-25T02:45:00+02:00'), '2026-10-25T01:30:00.000Z')
    assert.equal(next('02:50', '2026-10-25T02:45:00+01:00'), '2026-10-25T01:50:00.000Z')
    assert.equal(next('02:30', '2026-10-25T02:45:00+01:00'), '2026-10-26T01:30:00.000Z')
  })

  test('a night in which the clock is set back is an hour longer', () => {
    assert.equal(next('06:00', '2026-10-24T22:00:00+02:00'), '2026-10-25T05:00:00.000Z')
  })

  test('it is never past, nor later than a day and what the clocks are set by', () => {
    const year = { min: Date.parse('2026-01-01'), max: Date.parse('2027-01-01') }
    fc.assert(
      fc.property(fc.integer(year), fc.nat(1439), (now, wanted) => {
        const at = nextTimeOfDay(wanted, now)
        assert.ok(at > now && at <= now + 25 * 3_600_000)
        assert.equal(at % 60_000, 0)
        const date = new Date(at)
        const shown = date.getHours() * 60 + date.getMinutes()
        assert.ok(shown === wanted || (shown === 180 && wanted >= 120), `${shown}`)
      }),
      { seed, numRuns: campaign(200) },
    )
  })
})
