// What crosses the socket: HTTP, so that every runtime can speak it and `curl --unix-socket` can look.
//
//   GET /owner            who owns the store
//   POST /jobs/NAME       the ask as JSON; the answer is lines of JSON, the last of them says how it ended
//   DELETE /jobs/NUMBER   stops a running job in good order: it still answers
//   POST /leave           from a server that waits for the store: a command that warms hands back all that
//                         it was asked to do, and leaves

import type { StoreErrorKind } from '../errors.ts'

/** One more whenever an earlier regmirror could not understand what is sent. */
export const WIRE_VERSION = 1
export const WIRE_HEADER = 'regmirror-wire'
/** On the answer to a job: the number by which it can be stopped. */
export const JOB_HEADER = 'regmirror-job'

/** The lists to warm, with what JSON makes of their line ends and quotes. */
export const ASK_MAX_BYTES = 16 * 1024 * 1024
/** Of what comes back in one line: the report of a run names each image of it. */
export const LINE_MAX_BYTES = 64 * 1024 * 1024
/** Longer batches are cut into several lines. */
export const LINE_ROWS_MAX = 500

export interface OwnerFacts {
  readonly pid: number
  /** What it was started as: `serve`, `verify`. */
  readonly command: string
  readonly version: string
  readonly wire: number
  /** In ms since the epoch. */
  readonly startedAt: number
}

export type WireLine =
  | { readonly kind: 'progress'; readonly progress: unknown }
  | { readonly kind: 'rows'; readonly rows: readonly unknown[] }
  | LastLine

/**
 * - `refused`: what was asked cannot be done as asked
 * - `put-off`: nothing is wrong with what was asked, but it is not done now
 * - `stopped`: it was stopped, and has nothing to tell of what it did until then
 * - `handed-back`: the owner leaves: to be asked of the next one
 */
export type LastLine =
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'refused' | 'put-off'; readonly message: string }
  | { readonly kind: 'handed-back'; readonly isForServer: boolean }
  | {
      readonly kind: 'failed'
      readonly message: string
      readonly store: StoreErrorKind | undefined
    }
  | { readonly kind: 'stopped' }

/** The body of an answer that is none: anything but 200. */
export interface WireProblem {
  readonly message: string
}

export function isLast(line: WireLine): line is LastLine {
  return line.kind !== 'progress' && line.kind !== 'rows'
}
