// `--until HH:MM`: the next moment at which a clock on the wall shows that time. Pure.

const TIME = /^([01]?\d|2[0-3]):([0-5]\d)$/
const MINUTE_MS = 60_000
const DAY_MINUTES = 24 * 60
/** Clocks are set by an hour or half of one; a day has at most so many more minutes. */
const SET_MINUTES_MAX = 120

/** Undefined for what is no time of day. */
export function parseTimeOfDay(text: string): number | undefined {
  const [, hours, minutes] = TIME.exec(text) ?? []
  return hours === undefined ? undefined : Number(hours) * 60 + Number(minutes)
}

/**
 * Minute by minute, since clocks that are set back show a time twice (the next of the two counts), and
 * those that are set forward never show some: then it is the minute that comes instead.
 */
export function nextTimeOfDay(wanted: number, now: number, timeOf = localTimeOfDay): number {
  const first = Math.floor(now / MINUTE_MS) * MINUTE_MS
  for (let minutes = 1; minutes <= DAY_MINUTES + SET_MINUTES_MAX; minutes += 1) {
    const at = first + minutes * MINUTE_MS
    const passed = forward(timeOf(at - MINUTE_MS), timeOf(at))
    const ahead = forward(timeOf(at - MINUTE_MS), wanted)
    if (passed <= SET_MINUTES_MAX && ahead > 0 && ahead <= passed) return at
  }
  return first + DAY_MINUTES * MINUTE_MS
}

/** From one time of day to the next time that it is the other. */
function forward(from: number, to: number): number {
  return (to - from + DAY_MINUTES) % DAY_MINUTES
}

function localTimeOfDay(at: number): number {
  const date = new Date(at)
  return date.getHours() * 60 + date.getMinutes()
}
