// After how long a request that failed is sent again, if at all. Pure.

import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'

export const TRIES_MAX = 5
/** Of a registry that never answered in this run. */
export const TRIES_UNKNOWN_MAX = 2
/** Who is told to wait longer has used up what the registry gives. */
export const WAIT_MAX_MS = 15 * 60_000
/** A registry that only fails for so long is given up for the run: a router has restarted by then. */
export const OUTAGE_MAX_MS = 5 * 60_000
const DELAY_FIRST_MS = 1000
const DELAY_MAX_MS = 60_000

const SILENT: readonly UpstreamErrorKind[] = ['unreachable', 'timed-out', 'set-aside']

export function isSilence(kind: UpstreamErrorKind): boolean {
  return SILENT.includes(kind)
}

/** Undefined: the same would happen again. */
export function passingKind(error: unknown): UpstreamErrorKind | undefined {
  return error instanceof UpstreamError && error.mayPass ? error.kind : undefined
}

export interface Failure {
  readonly kind: UpstreamErrorKind
  readonly retryAfterMs: number | undefined
  /** Not so: refused here, for what the registry had said to another request. */
  readonly wasSent: boolean
  /** How many tries of this request have failed. */
  readonly failed: number
  /** For how long nobody has got an answer. Undefined: others got theirs since this request first failed. */
  readonly failingMs: number | undefined
  /** How many pauses of this registry came before, one after the other. */
  readonly inARow: number
  readonly hasAnswered: boolean
  readonly random: number
}

/** `exhausted`: longer than a run waits. */
export function delayAfter(failure: Failure): number | 'give-up' | 'exhausted' {
  const { kind, retryAfterMs, inARow, hasAnswered, random } = failure
  const isLimited = kind === 'rate-limited' && retryAfterMs !== undefined
  if (isLimited && retryAfterMs > WAIT_MAX_MS) return 'exhausted'
  if (isHopeless(failure)) return 'give-up'
  if (isLimited && (!failure.wasSent || isTold(failure))) return retryAfterMs
  const isUnknown = isSilence(kind) && !hasAnswered
  const jitteredMs = random * Math.min(DELAY_MAX_MS, DELAY_FIRST_MS * 2 ** inARow)
  const restMs = isUnknown && kind !== 'set-aside' ? 0 : (retryAfterMs ?? 0)
  return Math.max(jitteredMs, Math.min(restMs, DELAY_MAX_MS))
}

/** `Retry-After: 0`, or a date that has passed, tells nothing. */
export function isTold({
  kind,
  retryAfterMs,
  wasSent,
}: Pick<Failure, 'kind' | 'retryAfterMs' | 'wasSent'>): boolean {
  return wasSent && kind === 'rate-limited' && (retryAfterMs ?? 0) >= DELAY_FIRST_MS
}

/** Of a silent registry, tries tell of the thing that is asked for only as long as others get theirs. */
function isHopeless({ kind, failed, failingMs, hasAnswered }: Failure): boolean {
  const isOut = failingMs !== undefined && failingMs >= OUTAGE_MAX_MS
  if (isOut && kind !== 'rate-limited') return true
  if (!isSilence(kind)) return failed >= TRIES_MAX
  if (!hasAnswered) return failed >= TRIES_UNKNOWN_MAX
  return failingMs === undefined && failed >= TRIES_MAX
}
