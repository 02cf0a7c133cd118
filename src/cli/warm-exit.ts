// How a run ended → the exit code of `regmirror warm`, for scripts and timers. Pure.

import type { WarmOutcome } from '../care/warm-job.ts'
import { JobPutOff, JobRefused, StoreError } from '../errors.ts'

/** 1 and 2 mean what they mean for every command: something failed; wrong usage, nothing done. */
const EXIT_CODES: Readonly<Record<Exclude<WarmOutcome, 'interrupted'>, number>> = {
  done: 0,
  failures: 1,
  nothing: 3,
  left: 4,
  stale: 5,
  'over-budget': 6,
}

/** As after SIGINT: of a run that was stopped by somebody else than this command's user. */
const STOPPED = 130

/** `interruptedBy`: the exit code of the signal that this command got; 0 where it got none. */
export function warmExitCode(outcome: WarmOutcome, interruptedBy = 0): number {
  if (interruptedBy !== 0) return interruptedBy
  return outcome === 'interrupted' ? STOPPED : EXIT_CODES[outcome]
}

/** Of a run that did not come to a report. Undefined: as for every command. */
export function failureExitCode(error: unknown): number | undefined {
  if (error instanceof JobRefused) return 2
  if (error instanceof JobPutOff) return EXIT_CODES.nothing
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const isFull = cause instanceof StoreError && (cause.kind === 'full' || cause.kind === 'no-room')
  return isFull ? EXIT_CODES.nothing : undefined
}

export const EXIT_CODES_HELP = `Exit codes:
  0    every image is whole and fresh
  1    some failed
  2    the list or the command is wrong; nothing was done
  3    nothing could be done: no network, no room, no turn, or every image failed
  4    stopped by --until or by what a registry gives; the rest is for the next run
  5    --check found an image that is not whole and fresh
  6    the lists want to keep more than they may; what did not fit is named
  130  interrupted; what is stored is kept, and the next run goes on with it`
