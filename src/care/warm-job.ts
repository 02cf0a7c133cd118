// What crosses the socket for `regmirror warm`: what is asked, how far it is, and what came of it.

import type { ChosenBy, DropReason, ListText, Place } from '../list/list-entry.ts'

/** Where a list comes from and what it says; it is parsed again by whoever runs it. */
export type WarmSource = ListText

export interface WarmAsk {
  readonly sources: readonly WarmSource[]
  /** `linux/amd64`, `linux/arm/v7`; or `all` alone. */
  readonly platforms: readonly string[]
  /**
   * `plan`: stop after the price. `check`: the same, and what is not whole and fresh is `stale`.
   * `explain`: a plan that tells what each line selects, and why not the rest.
   */
  readonly mode: 'run' | 'plan' | 'check' | 'explain'
  /** Images at once. */
  readonly jobs: number
  /** Of all downloads of the run together; undefined: no cap. */
  readonly bytesPerSecond: number | undefined
  /** Pulls that every counting registry is left with; undefined: the default of warm/quota.ts. */
  readonly reserve: number | undefined
  /** When to end in good order, in ms since the epoch. */
  readonly untilAt: number | undefined
  /** It is due by a schedule: nobody waits for it. */
  readonly isScheduled?: boolean
  /** The run goes on when whoever asked has gone: the answer is that it was taken. */
  readonly isDetached: boolean
}

/**
 * - `fresh`: held whole, and upstream says nothing else
 * - `warmed`: whole now
 * - `stale`: of a plan or check: there is something to fetch
 * - `failed`
 * - `left`: not done, since the time or the pulls ran out, or the run was stopped; the next run begins with these
 */
export type WarmStatus = 'fresh' | 'warmed' | 'stale' | 'failed' | 'left'

/** Why something failed or was left, for hints and reports. */
export type WarmCause =
  | 'not-found'
  | 'no-match'
  | 'not-served'
  | 'unauthorized'
  | 'rate-limited'
  | 'quota'
  | 'unreachable'
  | 'bad-response'
  | 'wrong-content'
  | 'platform'
  | 'disk'
  | 'room'
  /** Lists may pin no more of the store. */
  | 'budget'
  /** A pattern selects more tags than its line takes. */
  | 'too-many'
  | 'until'
  | 'stopped'
  | 'offline'
  | 'other'

/** One image of a list: a tag or a digest of a repository, for all lines that mean it. */
export interface WarmResult {
  /** `docker.io/library/nginx:1.25` */
  readonly reference: string
  readonly registry: string
  /** Every line that means it; the first is the one to name. */
  readonly places: readonly Place[]
  readonly status: WarmStatus
  readonly cause: WarmCause | undefined
  /** For `failed` and `left`: what happened, as a sentence; and the next step, where there is one to tell. */
  readonly because: string | undefined
  readonly remedy: string | undefined
  /** What was held whole before and what is now. */
  readonly digestBefore: string | undefined
  readonly digest: string | undefined
  /** Those that are whole now. `''`: an image without an index. */
  readonly platforms: readonly string[]
  /** `linux/s390x does not exist`: nothing that fails it. */
  readonly warnings: readonly string[]
  /** Fetched by this run; what several images share is counted for the one that came first. */
  readonly bytesNew: number
  /** Held already, or counted for another. */
  readonly bytesReused: number
  readonly tries: number
}

/** What a run will cost, or has cost, of one registry. */
export interface WarmRegistry {
  readonly registry: string
  /** Requests that count as pulls: at most so many will be sent, after the plan; were sent, after the run. */
  readonly plannedPulls: number
  readonly pulls: number
  /** Tries of each kind, also those that the mirror needed nobody for. */
  readonly heads: number
  readonly lists: number
  readonly blobs: number
  readonly rateLimited: number
  readonly waitedMs: number
  readonly quotaLimit: number | undefined
  readonly remainingBefore: number | undefined
  readonly remainingAfter: number | undefined
  readonly reserve: number | undefined
  /** It is said by an `@registry` of the lists, not by the command. */
  readonly isReserveOfList?: boolean
}

export interface WarmPrice {
  readonly references: number
  readonly fresh: number
  readonly stale: number
  readonly failed: number
  readonly registries: readonly WarmRegistry[]
  /** To be fetched, as far as that is known: of images whose manifests are held. */
  readonly knownBytes: number
  /** Of how many images that cannot be told before their manifests are fetched. */
  readonly unknownSizes: number
  /** What lists may pin in all, and what would be pinned after the run, as far as that is known. */
  readonly pinnableBytes: number | undefined
  readonly pinnedBytes: number | undefined
}

/** What `list explain` tells of a line. Rows come in the order of the lists. */
export interface WarmLine {
  readonly place: Place
  readonly text: string
  /** `docker.io/library/redis`, or as typed where it means no repository that is served. */
  readonly name: string
  /** Tags upstream lists; undefined where they were not needed, or could not be had. */
  readonly listed: number | undefined
  readonly images: readonly WarmLineImage[]
  /** At most DROPPED_SHOWN_MAX examples each, in the order of upstream's list. */
  readonly dropped: readonly {
    readonly because: DropReason
    readonly count: number
    readonly examples: readonly string[]
  }[]
  /** Why the line stands for nothing: what failed, with the next step. */
  readonly problem: string | undefined
}

export interface WarmLineImage {
  readonly reference: string
  readonly by: ChosenBy
  readonly status: WarmStatus
  readonly because: string | undefined
  readonly platforms: readonly string[]
  /** Of the wanted platforms; undefined where a manifest would have to be fetched to tell. */
  readonly totalBytes: number | undefined
  readonly missingBytes: number | undefined
}

/** `notice`: a line for people: a wait, a registry that gives nothing more, another run that is waited for. */
export type WarmRow =
  | { readonly kind: 'notice'; readonly text: string }
  | { readonly kind: 'price'; readonly price: WarmPrice }
  | ({ readonly kind: 'line' } & WarmLine)
  | ({ readonly kind: 'result' } & WarmResult)

export interface WarmInFlight {
  readonly reference: string
  readonly doneBytes: number
  readonly totalBytes: number | undefined
}

export interface WarmProgress {
  readonly phase: 'waiting' | 'planning' | 'manifests' | 'blobs' | 'ending'
  /** Images. */
  readonly done: number
  readonly total: number
  readonly failed: number
  readonly bytesNew: number
  /** Of all that is missing, where that is known already. */
  readonly bytesTotal: number | undefined
  readonly bytesPerSecond: number
  /** Longest running first, at most 16; `running` counts all. */
  readonly inFlight: readonly WarmInFlight[]
  readonly running: number
  /** What everything waits for, as a sentence: a pause, live pulls. */
  readonly waitingFor: string | undefined
  readonly quotas: readonly { readonly registry: string; readonly remaining: number }[]
}

/**
 * How a run ended, worst first: what came first in this list names it.
 * - `interrupted`; `nothing`: nothing could be done at all; `over-budget`: the lists want to pin more than they
 *   may; `failures`: some failed; `stale`: of a check; `left`: some are for the next run; `done`
 */
export type WarmOutcome =
  'interrupted' | 'nothing' | 'over-budget' | 'failures' | 'stale' | 'left' | 'done'

export interface WarmReport {
  readonly schema: 'regmirror.warm/1'
  readonly version: string
  readonly run: string
  readonly mode: WarmAsk['mode']
  readonly startedAt: string
  readonly endedAt: string
  readonly sources: readonly string[]
  /** Of the lists that are files, absolute. */
  readonly paths?: readonly string[]
  readonly isScheduled?: boolean
  /** Of the lists' text, with all that they include, so that two runs can be told to be of the same lists. */
  readonly listDigest: string
  readonly platforms: readonly string[]
  readonly outcome: WarmOutcome
  /** What ended it early, or kept it from doing anything, as a sentence. */
  readonly because: string | undefined
  readonly totals: {
    readonly references: number
    readonly fresh: number
    readonly warmed: number
    readonly stale: number
    readonly failed: number
    readonly left: number
    readonly bytesNew: number
    readonly bytesReused: number
    readonly waitedMs: number
  }
  readonly registries: readonly WarmRegistry[]
  readonly results: readonly WarmResult[]
}

export type WarmAnswer =
  | {
      readonly kind: 'ended'
      readonly report: WarmReport
      /** A list of the lines that failed or were left, written beside the store; undefined: none did. */
      readonly failedList: string | undefined
    }
  /** `ahead`: runs that come before it. */
  | { readonly kind: 'taken'; readonly run: string; readonly ahead: number }

/** `warm --last`. */
export interface RunsAsk {
  readonly count: number
}

export interface RunsAnswer {
  /** The latest first; only the latest few still have `results`. */
  readonly runs: readonly WarmReport[]
}
