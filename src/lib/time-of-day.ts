// Times of the day as clocks on walls show them, on days on which these are set too. Pure.

const TIME = /^([01]?\d|2[0-3]):([0-5]\d)$/
const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60
/** Clocks are set by an hour or half of one; a day has at most so many more minutes. */
const SET_MINUTES_MAX = 120

/** In minutes since midnight; undefined for what is no time of day. */
export function parseTimeOfDay(text: string): number | undefined {
  const [, hours, minutes] = TIME.exec(text) ?? []
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes)
}

/** What a clock shows at a moment, in minutes since midnight. */
export type WallClock = (at: number) => number

/** The clock of this machine. */
export const localClock: WallClock = (at) => {
  const date = new Date(at)
  return date.getHours() * 60 + date.getMinutes()
}

const clocks = new Map<string, WallClock>()

/** `timeZone`: an IANA name; undefined: that of this machine. */
export function clockIn(timeZone: string | undefined): WallClock {
  if (timeZone === undefined) return localClock
  const known = clocks.get(timeZone)
  if (known) return known
  const style = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone } as const
  const format = new Intl.DateTimeFormat('en-GB', style)
  const clock: WallClock = (at) => parseTimeOfDay(format.format(at)) ?? 0
  clocks.set(timeZone, clock)
  return clock
}

/**
 * The next moment at which the clock shows a time. Minute by minute, since clocks that are set back show
 * a time twice (the next of the two counts), and those that are set forward never show some: then it is
 * the minute that comes instead.
 */
export function nextTimeOfDay(wanted: number, now: number, timeOf = localClock): number {
  const first = Math.floor(now / MINUTE_MS) * MINUTE_MS
  let before = timeOf(first)
  for (let minutes = 1; minutes <= DAY_MINUTES + SET_MINUTES_MAX; minutes += 1) {
    const at = first + minutes * MINUTE_MS
    const time = timeOf(at)
    const passed = forward(before, time)
    const ahead = forward(before, wanted)
    if (passed <= SET_MINUTES_MAX && ahead > 0 && ahead <= passed) return at
    before = time
  }
  return first + DAY_MINUTES * MINUTE_MS
}

/** From one time of day to the next time that it is the other. */
function forward(from: number, to: number): number {
  return (to - from + DAY_MINUTES) % DAY_MINUTES
}

/** `2026-11-22 01:30`, as the clock of this machine has it. */
export function formatLocalTime(at: number): string {
  const date = new Date(at)
  const two = (n: number): string => String(n).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`
}
