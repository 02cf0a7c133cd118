// When a list is warmed by itself. Pure: what the clock shows and what was decided before → what to do.

import { daily, nextDue } from '../lib/cron.ts'
import type { DueTimes } from '../lib/cron.ts'
import type { WarmReport } from '../care/warm-job.ts'
import { mayBegin, nextOpening, windowEnd } from './window.ts'
import type { Hours } from './window.ts'

/** In the night, where neither the command nor the list says when. */
const DEFAULT_PATTERN = daily(90)
/** Set back by more than this, the clock was wrong before, and what was decided by it counts no more. */
const SET_BACK_MAX_MS = 24 * 3_600_000

export interface Schedule {
  readonly dues: readonly DueTimes[]
  readonly windows: readonly Hours[]
}

/** `at`: five fields of cron; undefined: when the windows open. */
export function scheduleOf(at: string | undefined, windows: readonly Hours[]): Schedule {
  if (at !== undefined) return { dues: [{ pattern: at, timeZone: undefined }], windows }
  const openings = windows.map(({ from, timeZone }) => ({ pattern: daily(from), timeZone }))
  const byDefault = { pattern: DEFAULT_PATTERN, timeZone: undefined }
  return { dues: openings.length > 0 ? openings : [byDefault], windows }
}

export interface Decided {
  /** What was due until then was decided on. */
  readonly until: number
  /** It was due outside of every window. */
  readonly isWaiting: boolean
}

/** The last run of a list, as far as it matters. */
export type LastRun = Pick<WarmReport, 'startedAt' | 'outcome' | 'isScheduled'>

/**
 * What a server starts from: what came due since the last run was missed, and is caught up once. So is a
 * run that the schedule began and that came to nothing: the box was switched off, or off the net. A list
 * that never ran has missed nothing.
 */
export function decidedAtStart(last: LastRun | undefined, now: number): Decided {
  if (last === undefined) return { until: now, isWaiting: false }
  const cameToNothing = last.outcome === 'interrupted' || last.outcome === 'nothing'
  const isWaiting = last.isScheduled === true && cameToNothing
  return { until: Math.min(Date.parse(last.startedAt), now), isWaiting }
}

export interface Decision {
  /** `pass-over`: it is due, and the run before still goes on. `wait`: until a window opens. */
  readonly what: 'begin' | 'pass-over' | 'wait' | undefined
  /** When a run that begins is to end. */
  readonly untilAt: number | undefined
  readonly decided: Decided
}

/** By the clock on the wall alone, so that a machine that slept, or whose clock was set, has it right. */
export function decide(
  { dues, windows }: Schedule,
  { until, isWaiting }: Decided,
  { now, isRunning }: { readonly now: number; readonly isRunning: boolean },
): Decision {
  const since = now < until - SET_BACK_MAX_MS ? now : until
  const due = nextDue(dues, since)
  const isDue = due !== undefined && due <= now
  const decided = { until: Math.max(since, now), isWaiting: false }
  if (!isDue && !isWaiting) return { what: undefined, untilAt: undefined, decided }
  if (isRunning) return { what: isDue ? 'pass-over' : undefined, untilAt: undefined, decided }
  if (mayBegin(windows, now)) {
    return { what: 'begin', untilAt: windowEnd(windows, now), decided }
  }
  const what = isWaiting ? undefined : 'wait'
  return { what, untilAt: undefined, decided: { ...decided, isWaiting: true } }
}

/** When the next run begins, as far as can be told; undefined: never. */
export function nextBegin(
  { dues, windows }: Schedule,
  { until, isWaiting }: Decided,
): number | undefined {
  const due = isWaiting ? until : nextDue(dues, until)
  if (due === undefined || mayBegin(windows, due)) return due
  return nextOpening(windows, due)
}
