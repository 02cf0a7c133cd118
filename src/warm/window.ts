// The hours in which runs may begin by themselves, and by whose end they end: `@window`. Pure. A window
// is what the clock on the wall shows: of hours that come twice it is open in both, and of those that
// are left out in none.

import { clockIn } from '../lib/time-of-day.ts'
import type { Window } from '../list/list-entry.ts'

export type Hours = Pick<Window, 'from' | 'to' | 'timeZone'>

const MINUTE_MS = 60_000
/** On a day that leaves it out a window does not open; a day has at most so many hours. */
const OPENS_WITHIN_MINUTES = 50 * 60
/** Windows that leave nothing out of the day end a run all the same. */
const OPEN_MAX_MINUTES = 24 * 60

/** Without windows it is always. */
export function mayBegin(windows: readonly Hours[], at: number): boolean {
  return windows.length === 0 || isOpen(windows, at)
}

/** When the one that is open closes, and those it goes over into; undefined: none is open. */
export function windowEnd(windows: readonly Hours[], at: number): number | undefined {
  if (!isOpen(windows, at)) return undefined
  const last = minuteAfter(at, OPEN_MAX_MINUTES)
  for (let next = minuteAfter(at); next < last; next += MINUTE_MS) {
    if (!isOpen(windows, next)) return next
  }
  return last
}

/** When the next one opens; undefined: there is none, or they leave nothing out of the day. */
export function nextOpening(windows: readonly Hours[], after: number): number | undefined {
  if (windows.length === 0) return undefined
  const last = minuteAfter(after, OPENS_WITHIN_MINUTES)
  let wasOpen = isOpen(windows, after)
  for (let next = minuteAfter(after); next <= last; next += MINUTE_MS) {
    const opens = isOpen(windows, next)
    if (opens && !wasOpen) return next
    wasOpen = opens
  }
  return undefined
}

function isOpen(windows: readonly Hours[], at: number): boolean {
  return windows.some(({ from, to, timeZone }) => {
    const time = clockIn(timeZone)(at)
    return from < to ? from <= time && time < to : from <= time || time < to
  })
}

function minuteAfter(at: number, minutes = 1): number {
  return (Math.floor(at / MINUTE_MS) + minutes) * MINUTE_MS
}
