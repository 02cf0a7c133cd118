// When something is due, in the five fields of cron. Pure, but for the time zone of this machine.

import { Cron } from 'croner'
import { parseTimeOfDay } from './time-of-day.ts'

export interface DueTimes {
  /** Five fields: minute, hour, day, month, weekday. */
  readonly pattern: string
  /** An IANA name; undefined: that of this machine. */
  readonly timeZone: string | undefined
}

export type ReadDueTimes = { readonly value: string } | { readonly problem: string }

const FORMS =
  'give a time of the day, such as 01:30, or the five fields of cron, such as "30 1 * * 1-5"'

/** `01:30`, every day, or five fields of cron → five fields; or the end of a sentence. */
export function parseDueTimes(text: string): ReadDueTimes {
  const time = parseTimeOfDay(text)
  if (time !== undefined) return { value: daily(time) }
  const fields = text.split(/\s+/)
  if (fields.length !== 5) return { problem: `"${text}" is no time that comes again: ${FORMS}` }
  const pattern = fields.join(' ')
  try {
    if (cronOf({ pattern, timeZone: undefined }).nextRun() !== null) return { value: pattern }
    return { problem: `"${text}" never comes: there is no such day` }
  } catch (error) {
    const why = (error as Error).message.replace(/^CronPattern: /, '')
    return { problem: `"${text}" is not understood (${why}): ${FORMS}` }
  }
}

/** The pattern of a time of the day, in minutes since midnight. */
export function daily(time: number): string {
  return `${time % 60} ${Math.floor(time / 60)} * * *`
}

/**
 * Of all of them the next one after a moment. Where the clock is set, a time that does not exist is when
 * the clock goes on, and one that comes twice is the first of the two.
 */
export function nextDue(all: readonly DueTimes[], after: number): number | undefined {
  const times = all.flatMap((each) => cronOf(each).nextRun(new Date(after))?.getTime() ?? [])
  return times.length === 0 ? undefined : Math.min(...times)
}

function cronOf({ pattern, timeZone }: DueTimes): Cron {
  // Both kinds of days, where both are given, as cron does: either.
  return new Cron(pattern, {
    mode: '5-part',
    ...(timeZone !== undefined && { timezone: timeZone }),
  })
}
