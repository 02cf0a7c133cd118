// A list of upstream's, of tags or of referrers: as it is stored while that is fresh, from upstream
// else, by one question however many want it, and what was last known where upstream does not answer.

import {
  IntegrityError,
  plainReason,
  reasonOf,
  RequestError,
  StoreError,
  UpstreamError,
} from '../errors.ts'
import type { Reason } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { within } from '../lib/within.ts'
import type { Repository } from '../oci/name.ts'
import type { MirrorEvents } from './events.ts'
import { freshness } from './freshness.ts'

/**
 * Containerd waits 30 s for headers. A list of many pages may take longer: it goes on, and the next
 * who asks finds it stored.
 */
const PATIENCE_MS = 25_000
/** When a list was fetched that never came from the origin: kept for want of a better, never fresh. */
const NEVER_MS = 0

export interface ListAnswer<T> {
  readonly entries: readonly T[]
  readonly how: 'hit' | 'miss' | 'stale'
  /** Why some may be missing or gone, in a sentence. */
  readonly staleBecause: Reason | undefined
}

export interface StoredList<T> {
  readonly entries: readonly T[]
  readonly fetchedAt: number
}

export interface HeardList<T> {
  readonly entries: readonly T[]
  readonly isOrigin: boolean
  readonly store: (list: StoredList<T>) => Promise<void>
}

export interface List<T> {
  readonly repository: Repository
  readonly kind: 'tags' | 'referrers'
  /** Of what, as nothing else of its kind is called. */
  readonly name: string
  readonly stored: () => Promise<StoredList<T> | undefined>
  /** What can be told of it from all else that is held; undefined where that is nothing. */
  readonly held: () => Promise<readonly T[] | undefined>
  /** Undefined where upstream says with authority that there is no such list. */
  readonly ask: () => Promise<HeardList<T> | undefined>
  readonly join: (first: readonly T[], second: readonly T[]) => readonly T[]
}

export interface ListsOptions {
  readonly events: MirrorEvents
  readonly ttlMs: number
  readonly offline: boolean
  /** A list that is stored is answered as it was once upstream has taken this long. */
  readonly staleAfterMs: number
  readonly now: () => number
}

export class Lists<T> {
  readonly #options: ListsOptions
  readonly #asking = new SingleFlight<ListAnswer<T> | undefined>()

  constructor(options: ListsOptions) {
    this.#options = options
  }

  /** Throws where nothing is known and asking fails. */
  async find(list: List<T>): Promise<ListAnswer<T> | undefined> {
    const stored = await list.stored()
    if (stored && this.#isFresh(stored)) return hit(stored)
    try {
      return await this.#askShortly(list, stored !== undefined)
    } catch (error) {
      if (!isFailureToAnswer(error)) throw error
      const held = await list.held()
      if (!stored && !held) throw error
      return stale(list.join(stored?.entries ?? [], held ?? []), reasonOf(error))
    }
  }

  /** Asked of upstream now, however fresh what is stored is. Throws where asking fails. */
  async current(list: List<T>): Promise<ListAnswer<T> | undefined> {
    return await this.#hear(list, await list.stored())
  }

  #isFresh({ fetchedAt }: StoredList<T>): boolean {
    const { ttlMs, offline, now } = this.#options
    return freshness(fetchedAt, now(), ttlMs, offline) === 'fresh'
  }

  /** What is held is a small part of a list, so that one that was never heard is waited for. */
  async #askShortly(list: List<T>, isStored: boolean): Promise<ListAnswer<T> | undefined> {
    const { offline, staleAfterMs } = this.#options
    if (offline) throw new UpstreamError('offline', 'the mirror is offline')
    const patienceMs = isStored ? Math.min(staleAfterMs, PATIENCE_MS) : PATIENCE_MS
    const found = await within(
      patienceMs,
      this.#asking.run(list.name, () => this.#ask(list)),
    )
    if (found !== 'slow') return found
    throw new UpstreamError('timed-out', `the ${list.kind} of ${list.name} take long to list`)
  }

  async #ask(list: List<T>): Promise<ListAnswer<T> | undefined> {
    // Whoever asked just before may have brought it since this one looked.
    const stored = await list.stored()
    if (stored && this.#isFresh(stored)) return hit(stored)
    return await this.#hear(list, stored)
  }

  async #hear(
    list: List<T>,
    stored: StoredList<T> | undefined,
  ): Promise<ListAnswer<T> | undefined> {
    const heard = await list.ask()
    if (!heard) return undefined
    if (!heard.isOrigin) return await this.#add(list, stored, heard)
    const { entries } = heard
    await this.#store(list, heard, { entries, fetchedAt: this.#options.now() })
    return { entries, how: 'miss', staleBecause: undefined }
  }

  /**
   * Who copies the origin may lag, so it adds to what is known, takes nothing away, and makes nothing
   * fresh: no list moves backwards until the origin says so.
   */
  async #add(
    list: List<T>,
    stored: StoredList<T> | undefined,
    heard: HeardList<T>,
  ): Promise<ListAnswer<T>> {
    const entries = list.join(stored?.entries ?? [], heard.entries)
    await this.#store(list, heard, { entries, fetchedAt: stored?.fetchedAt ?? NEVER_MS })
    const { registry } = list.repository
    const because = `the origin of ${registry} could not be asked, and what copies it may lag behind`
    return stale(list.join(entries, (await list.held()) ?? []), plainReason(because))
  }

  /** A disk that is full keeps nobody from hearing what upstream said. */
  async #store(list: List<T>, heard: HeardList<T>, row: StoredList<T>): Promise<void> {
    try {
      await heard.store(row)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#options.events.listUnrecorded(list.repository, list.kind, error.message)
    }
  }
}

/** Upstream's, that is; what stands under a referrers tag may be no index, or no manifest at all. */
export function isFailureToAnswer(error: unknown): error is Error {
  return (
    error instanceof UpstreamError ||
    error instanceof IntegrityError ||
    error instanceof RequestError
  )
}

function hit<T>({ entries }: StoredList<T>): ListAnswer<T> {
  return { entries, how: 'hit', staleBecause: undefined }
}

function stale<T>(entries: readonly T[], because: Reason): ListAnswer<T> {
  return { entries, how: 'stale', staleBecause: because }
}
