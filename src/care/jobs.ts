// What people ask the owner of a store to do: `ls`, `rm`, `gc`, `verify`, `stats` and `warm`. Whoever owns the
// store runs these, a server for a command that reaches it through the socket, or the command itself.
// Everything here crosses the socket as JSON.

import type { Digest } from '../oci/digest.ts'
import type { PullCount } from '../store/index-port.ts'
import type { RunsAnswer, RunsAsk, WarmAnswer, WarmAsk, WarmProgress, WarmRow } from './warm-job.ts'

/** How a job talks to who asked for it. */
export interface Talk<Row = never, Progress = JobProgress> {
  /** Aborted when nobody waits for the answer any more: the job stops in good order. */
  readonly signal: AbortSignal
  progress(progress: Progress): void
  /** Rows of a long answer, in batches; resolves when more may be sent. */
  rows(batch: readonly Row[]): Promise<void>
}

export interface JobProgress {
  /** What is being done: `hashing`, `removing`. */
  readonly what: string
  readonly done: number
  readonly total: number | undefined
  readonly unit: 'bytes' | 'images' | 'blobs' | 'rows'
}

/** Throws JobRefused (errors.ts) where what was asked cannot be done as asked. */
export type Job<Ask, Answer, Row = never, Progress = JobProgress> = (
  ask: Ask,
  talk: Talk<Row, Progress>,
) => Promise<Answer>

export interface Jobs {
  readonly ls: Job<LsAsk, LsAnswer, ImageRow>
  readonly rm: Job<RmAsk, RmAnswer>
  readonly gc: Job<GcAsk, GcAnswer, VictimRow>
  readonly verify: Job<VerifyAsk, VerifyAnswer, BadRow>
  readonly stats: Job<StatsAsk, StatsAnswer>
  readonly warm: Job<WarmAsk, WarmAnswer, WarmRow, WarmProgress>
  readonly runs: Job<RunsAsk, RunsAnswer>
}

export type JobName = keyof Jobs
export type AskOf<Name extends JobName> = Parameters<Jobs[Name]>[0]
export type AnswerOf<Name extends JobName> = Awaited<ReturnType<Jobs[Name]>>
export type RowOf<Name extends JobName> = Jobs[Name] extends (
  ask: AskOf<Name>,
  talk: Talk<infer Row, never>,
) => unknown
  ? Row
  : never
export type ProgressOf<Name extends JobName> = Jobs[Name] extends (
  ask: AskOf<Name>,
  talk: Talk<never, infer Progress>,
) => unknown
  ? Progress
  : never

export interface LsAsk {
  /** As typed: the beginning of a name, long (`docker.io/library/ng`) or short (`ng`). */
  readonly prefix: string | undefined
}

export interface LsAnswer {
  readonly images: number
  /** Of all content, also of images that nobody knows the name of. */
  readonly heldBytes: number
}

export interface ImageRow {
  readonly registry: string
  readonly repository: string
  /** Undefined for an image that no tag points to. */
  readonly tag: string | undefined
  readonly digest: Digest
  /** What an index lists and is held, at least in part; one without a name for an image without an index. */
  readonly platforms: readonly PlatformRow[]
  /** What is stored of it. */
  readonly sizeBytes: number
  /** Of these, what other images use too. */
  readonly sharedBytes: number
  /** In ms since the epoch. */
  readonly storedAt: number
  readonly lastPullAt: number | undefined
  readonly pinnedBy: readonly string[]
}

export interface PlatformRow {
  readonly platform: string
  readonly isComplete: boolean
}

export interface RmAsk {
  /** As typed. */
  readonly references: readonly string[]
}

export interface RmAnswer {
  readonly removed: readonly { readonly reference: string; readonly freedBytes: number }[]
  readonly unknown: readonly UnknownImage[]
}

/** What was typed and names no image, or more than one where it may not. */
export interface UnknownImage {
  readonly reference: string
  readonly is: 'not-held' | 'unmatched' | 'ambiguous' | 'too-short'
  /** Images that are held: what was perhaps meant, or of what it may be the beginning. */
  readonly held: readonly string[]
}

export interface GcAsk {
  /** Only say what would go. */
  readonly isPlan: boolean
}

export interface GcAnswer {
  readonly images: number
  /** That no image needs. */
  readonly blobs: number
  readonly downloads: number
  /** Files in quarantine. */
  readonly quarantined: number
  readonly freedBytes: number
  /** More than is allowed, and is stored all the same: it is in use, or pinned. */
  readonly stillTooMuchBytes: number
}

/** What goes, or would go. */
export interface VictimRow {
  readonly kind: 'image' | 'blob' | 'download' | 'quarantined'
  /** `docker.io/library/nginx:1.25`, or a digest. */
  readonly name: string
  readonly bytes: number
  /** Why, as the end of a sentence: `no tag points to it since 2026-10-01`. */
  readonly because: string
}

export interface VerifyAsk {
  /** Hash everything, not only compare sizes. */
  readonly isDeep: boolean
}

export interface VerifyAnswer {
  readonly blobs: number
  readonly bytes: number
  readonly bad: number
}

export interface BadRow {
  readonly digest: Digest
  /** What is wrong, as the end of a sentence: `its content has another digest`. */
  readonly found: string
  /** What was done about it. */
  readonly done: 'quarantined' | 'forgotten' | 'adopted' | 'removed' | 'left'
}

export interface StatsAsk {
  /** How many days back, today included. */
  readonly days: number
}

export interface StatsAnswer {
  readonly days: readonly DayRow[]
  readonly store: StoreStats
  /** Of the registries that told how many pulls are left; empty where no server runs. */
  readonly quotas: readonly QuotaRow[]
}

export type DayRow = PullCount

export interface StoreStats {
  readonly blobs: number
  readonly blobBytes: number
  readonly stagedBytes: number
  readonly quarantinedBytes: number
  readonly indexBytes: number
  /** What it may take in all; undefined: no limit of its own. */
  readonly maxBytes: number | undefined
  readonly minFreeBytes: number
  /** Undefined where the system does not tell. */
  readonly freeBytes: number | undefined
}

export interface QuotaRow {
  readonly registry: string
  readonly limit: number | undefined
  readonly remaining: number
  readonly windowSeconds: number | undefined
  readonly toldAt: number
}
