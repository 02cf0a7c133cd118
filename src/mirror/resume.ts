// When a broken download is continued, and after what wait. Pure.

import { UpstreamError } from '../errors.ts'

/** Breaks in a row without progress, after which a download is given up. */
export const RESUME_ATTEMPTS_MAX = 5
/** A break after at least this much counts as the first again. */
export const RESUME_PROGRESS_BYTES = 1024 * 1024
/** A body that was left unread for so long may have been taken for dead: that it broke is no failure. */
const STOOD_BACK_EXCUSES_MS = 1_000

const DELAYS_MS = [100, 500, 1000, 2000, 4000] as const

/** `attempt` counts from 1. */
export function resumeDelayMs(attempt: number): number {
  return DELAYS_MS[Math.min(attempt, DELAYS_MS.length) - 1] ?? DELAYS_MS[0]
}

/** With one more, after which so much had come and so long nothing had been read. */
export function breaksInARow(before: number, fetchedBytes: number, stoodBackMs: number): number {
  const isFirst = fetchedBytes >= RESUME_PROGRESS_BYTES || stoodBackMs >= STOOD_BACK_EXCUSES_MS
  return isFirst ? 1 : before + 1
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

/** Of one of several connections: what upstream refuses to it may be of their number. */
export function worthResumingBeside(error: UpstreamError, attempt: number): boolean {
  const isBroken = error.kind === 'unreachable' || error.kind === 'timed-out'
  return isBroken && worthResuming(error, attempt)
}
