// When to try again, as pure functions.

import { RETRY_AFTER_MAX_MS } from '../errors.ts'
import type { UpstreamLimits } from './limits.ts'

export interface FailedTry {
  /** How many tries have failed, this one included. */
  readonly failed: number
  readonly tries: number
  readonly transient: boolean
  readonly retryAfterMs: number | undefined
  readonly remainingMs: number
}

/** Undefined: give up. `random` is in [0, 1). */
export function retryDelayMs(
  { failed, tries, transient, retryAfterMs, remainingMs }: FailedTry,
  limits: UpstreamLimits,
  random: number,
): number | undefined {
  if (!transient || failed >= tries) return undefined
  if (retryAfterMs !== undefined && retryAfterMs > limits.retryAfterWaitMaxMs) return undefined
  const delayMs = Math.max(backoffMs(failed, limits, random), retryAfterMs ?? 0)
  return delayMs < remainingMs ? delayMs : undefined
}

/** Each step lies between the one before and twice as much, and never above the maximum. */
function backoffMs(failed: number, limits: UpstreamLimits, random: number): number {
  const floorMs = limits.retryDelayMinMs * 2 ** (failed - 1)
  return Math.min(limits.retryDelayMaxMs, Math.round(floorMs * (1 + random)))
}

/** Seconds or an HTTP date (RFC 9110 section 10.2.3); undefined for anything else. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const trimmed = text.trim()
  const waitMs = /^\d+(\.\d+)?$/.test(trimmed)
    ? Number(trimmed) * 1000
    : httpDateMs(trimmed) - nowMs
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), RETRY_AFTER_MAX_MS)
}

/** Date.parse alone takes almost anything for a date, negative numbers included. */
function httpDateMs(text: string): number {
  return /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN
}
