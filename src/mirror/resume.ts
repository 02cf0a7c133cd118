// When a broken download is continued, and after what wait. Pure.

import { UpstreamError } from '../errors.ts'

/** Breaks in a row without progress, after which a download is given up. */
export const RESUME_ATTEMPTS_MAX = 5
/** A break after at least this much counts as the first again. */
export const RESUME_PROGRESS_BYTES = 1024 * 1024

const DELAYS_MS = [100, 500, 1000, 2000, 4000] as const

/** `attempt` counts from 1. */
export function resumeDelayMs(attempt: number): number {
  return DELAYS_MS[Math.min(attempt, DELAYS_MS.length) - 1] ?? DELAYS_MS[0]
}

/** Only what may pass by itself: a refusal or wrong content stays what it is. */
export function worthResuming(error: unknown, attempt: number): boolean {
  if (attempt > RESUME_ATTEMPTS_MAX || !(error instanceof UpstreamError)) return false
  switch (error.kind) {
    case 'unreachable':
    case 'timed-out':
    case 'bad-response':
    case 'rate-limited':
    case 'set-aside':
      return true
    case 'not-visible':
    case 'unauthorized':
    case 'offline':
      return false
  }
}
