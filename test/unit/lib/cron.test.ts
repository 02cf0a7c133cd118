import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { nextDue, parseDueTimes } from '../../../src/lib/cron.ts'

// Clocks go forward on 2026-03-29 at 02:00, and back on 2026-10-25 at 03:00.
process.env['TZ'] = 'Europe/Berlin'

// The next so many, as UTC.
function dues(text: string, timeZone: string | undefined, after: string, count = 3): string[] {
  const read = parseDueTimes(text)
  assert.ok('value' in read, text)
  const found: string[] = []
  for (let at = Date.parse(after); found.length < count;) {
    const due = nextDue([{ pattern: read.value, timeZone }], at)
    assert.ok(due !== undefined && due > at)
    found.push(new Date(due).toISOString().slice(0, 16))
    at = due
  }
  return found
}

suite('when something is due', () => {
  test('is a time of the day, or the five fields of cron', () => {
    assert.deepEqual(parseDueTimes('01:30'), { value: '30 1 * * *' })
    assert.deepEqual(parseDueTimes('0:05'), { value: '5 0 * * *' })
    assert.deepEqual(parseDueTimes('*/20  1-5 * * MON-FRI'), { value: '*/20 1-5 * * MON-FRI' })
    assert.deepEqual(dues('30 1 * * 1', 'UTC', '2026-11-22T12:00Z', 2), [
      '2026-11-23T01:30',
      '2026-11-30T01:30',
    ])
  })

  for (const [text, sentence] of [
    ['24:00', /^"24:00" is no time that comes again: give a time of the day, such as 01:30/],
    ['', /^"" is no time that comes again/],
    ['@daily', /is no time that comes again: .* the five fields of cron/],
    ['* * * * * *', /is no time that comes again: .* the five fields of cron/],
    ['61 * * * *', /^"61 \* \* \* \*" is not understood \(Invalid value for minute: 61\): give/],
    ['0 1 31 2 *', /^"0 1 31 2 \*" never comes: there is no such day/],
  ] as const) {
    test(`is not ${JSON.stringify(text)}, and the refusal says what to give`, () => {
      const read = parseDueTimes(text)
      assert.match('problem' in read ? read.problem : '', sentence)
    })
  }

  test('the exact moment has come already', () => {
    assert.deepEqual(dues('01:30', 'UTC', '2026-11-22T01:30Z', 1), ['2026-11-23T01:30'])
  })

  test('of several it is the first', () => {
    const times = ['0 4 * * *', '0 3 * * *'].map((pattern) => ({ pattern, timeZone: 'UTC' }))
    assert.equal(nextDue(times, Date.parse('2026-11-22T00:00Z')), Date.parse('2026-11-22T03:00Z'))
    assert.equal(nextDue([], 0), undefined)
  })
})

suite('on a day on which the clock is set', () => {
  test('a time that is left out is when the clock goes on', () => {
    const berlin = ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30']
    assert.deepEqual(dues('02:30', undefined, '2026-03-27T12:00Z'), berlin)
    assert.deepEqual(dues('02:30', 'Europe/Berlin', '2026-03-27T12:00Z'), berlin)
    assert.deepEqual(dues('02:30', 'America/New_York', '2026-03-06T12:00Z'), [
      '2026-03-07T07:30',
      '2026-03-08T07:00',
      '2026-03-09T06:30',
    ])
  })

  test('a time that comes twice is due once', () => {
    assert.deepEqual(dues('02:30', undefined, '2026-10-23T12:00Z'), [
      '2026-10-24T00:30',
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ])
    assert.deepEqual(dues('01:30', 'America/New_York', '2026-10-30T12:00Z'), [
      '2026-10-31T05:30',
      '2026-11-01T05:30',
      '2026-11-02T06:30',
    ])
  })

  test('half an hour is enough to be left out, or to come twice', () => {
    assert.deepEqual(dues('02:15', 'Australia/Lord_Howe', '2026-10-02T12:00Z'), [
      '2026-10-02T15:45',
      '2026-10-03T15:30',
      '2026-10-04T15:15',
    ])
    assert.deepEqual(dues('01:45', 'Australia/Lord_Howe', '2026-04-03T12:00Z'), [
      '2026-04-03T14:45',
      '2026-04-04T14:45',
      '2026-04-05T15:15',
    ])
  })

  test('what is due every hour is so in each hour that there is', () => {
    const forward = dues('0 * * * *', undefined, '2026-03-29T00:00Z')
    assert.deepEqual(forward, ['2026-03-29T01:00', '2026-03-29T02:00', '2026-03-29T03:00'])
    const back = dues('0 * * * *', undefined, '2026-10-24T23:00Z')
    assert.deepEqual(back, ['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-25T02:00'])
  })
})
