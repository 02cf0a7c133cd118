// The downloads under way, one for each content, and what is known of those that ended just now.

import type { Room } from '../care/room-port.ts'
import { IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { BlobStore } from '../store/blob-store.ts'
import type { Hasher } from '../store/hasher.ts'
import type { Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { AbandonPolicy } from './abandon.ts'
import type { MirrorEvents } from './events.ts'
import { Episode } from './episode.ts'
import { Fill } from './fill.ts'
import type { FillEnd } from './fill-options.ts'
import { Misses } from './misses.ts'
import { openedBy } from './opening.ts'
import type { Pace } from './pace.ts'
import type { PassEnd, PassOptions } from './pass-through.ts'
import type { Uses } from './uses.ts'

/** A push may be going on: what is missing now may be there soon. */
const MISSING_BLOB_MS = 10_000
/** Upstream just sent wrong content under this digest: it is not downloaded again and again. */
const WRONG_BLOB_MS = 10_000
/** The disk was full or failed: for this long it is left alone, and downloads are passed through. */
const STORE_TROUBLE_MS = 30_000
/** Small blobs may find room while large ones do not: with less than this between them it is one trouble. */
const NO_ROOM_QUIET_MS = 10 * 60_000

export interface FillsOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly hasher: Hasher
  readonly room: Room
  readonly upstreams: Upstreams
  /** Over how many connections one download of a registry may come. */
  readonly segmentsOf: (registry: string) => number
  readonly events: MirrorEvents
  readonly uses: Uses
  readonly pace: Pace
  readonly abandoned: AbandonPolicy
  readonly now: () => number
}

export class Fills {
  readonly #options: FillsOptions
  readonly #running = new Map<Digest, Fill>()
  readonly #missing: Misses
  readonly #wrong: Misses
  readonly #storing: Episode
  readonly #room: Episode
  #endings = 0

  constructor(options: FillsOptions) {
    this.#options = options
    this.#missing = new Misses(MISSING_BLOB_MS, options.now)
    this.#wrong = new Misses(WRONG_BLOB_MS, options.now)
    const { events, now } = options
    this.#storing = new Episode({
      begun: (error) => events.storeFailed(error),
      over: () => events.storeWorks(),
      quietMs: 0,
      now,
    })
    this.#room = new Episode({
      begun: (error) => events.roomless(error),
      over: () => events.roomAgain(),
      quietMs: NO_ROOM_QUIET_MS,
      now,
    })
  }

  get(digest: Digest): Fill | undefined {
    return this.#running.get(digest)
  }

  /** How many have ended: while it stays the same, nothing was stored that was not there before. */
  get endings(): number {
    return this.#endings
  }

  get isAny(): boolean {
    return this.#running.size > 0
  }

  /** They are stopped and kept for resuming. */
  async parkAll(): Promise<void> {
    await Promise.all([...this.#running.values()].map((fill) => fill.park()))
  }

  /** What the store failed with just now, so that it is left alone. */
  get storeTrouble(): StoreError | undefined {
    return this.#storing.failedWithin(STORE_TROUBLE_MS)
  }

  /** Upstream has just said that the repository does not have it. */
  isMissing(repository: Repository, digest: Digest): boolean {
    return this.#missing.has(imageName(repository, { digest }))
  }

  noteMissing(repository: Repository, digest: Digest): void {
    this.#missing.add(imageName(repository, { digest }))
  }

  /** One per digest at a time: the caller's duty. Throws UpstreamError where it was wrong just now. */
  start(
    repository: Repository,
    digest: Digest,
    expectedBytes: number | undefined,
    mustAsk: boolean,
  ): Fill {
    const { index, store, room, abandoned, segmentsOf, events, now } = this.#options
    this.refuseWrong(repository, digest)
    const fill = new Fill({
      ...this.passOptions(repository, digest, expectedBytes),
      repository,
      expectedBytes,
      segments: segmentsOf(repository.registry),
      mustAsk,
      abandoned,
      room,
      stage: () => store.stage(digest),
      stagedBytes: () => store.stagedBytes(digest),
      // Until it is verified it may be anything, and be it what a login brought elsewhere.
      published: async (blob, isAnonymous) => {
        if (isAnonymous !== undefined) await this.seen(repository, digest, isAnonymous)
        try {
          await index.publishBlob(digest, { ...blob, storedAt: now() })
        } catch (error) {
          // Without a row nobody would count it, or ever remove it.
          await store.remove(digest).catch(() => undefined)
          throw error
        }
      },
    })
    this.#running.set(digest, fill)
    void fill.ended.then((end) => this.#ended(fill, end, events))
    return fill
  }

  /** What is passed through to one reader, unstored, and what is stored, are asked for alike. */
  passOptions(repository: Repository, digest: Digest, sizeBytes: number | undefined): PassOptions {
    const { hasher, pace, upstreams } = this.#options
    const upstream = upstreams.registry(repository.registry)
    return {
      digest,
      sizeBytes,
      hasher,
      pace,
      open: (range, isFurther = false) =>
        upstream.openBlob(repository.name, digest, range, { isFurther }),
      passed: (end) => this.#passed(repository, digest, end),
    }
  }

  refuseWrong(repository: Repository, digest: Digest): void {
    if (this.#wrong.has(imageName(repository, { digest }))) {
      throw new UpstreamError('bad-response', `upstream sent wrong content for ${digest} just now`)
    }
  }

  /** No size is noted: until the content is verified, only a descriptor's can be relied on. */
  async seen(repository: Repository, digest: Digest, isAnonymous: boolean): Promise<void> {
    const { hasLogin } = this.#options.upstreams.registry(repository.registry)
    const opens = openedBy('blob', { isAnonymous, isOrigin: false }, hasLogin)
    const row = { kind: 'blob', sizeBytes: undefined, opens } as const
    await this.#options.index.recordContent(repository, digest, row)
  }

  #passed(repository: Repository, digest: Digest, end: PassEnd): void {
    const { events } = this.#options
    if (end.how === 'verified') return void this.seen(repository, digest, end.isAnonymous)
    events.passFailed(repository, digest, end.error)
    if (end.error instanceof IntegrityError && !end.othersMayBeRight) {
      this.#wrong.add(imageName(repository, { digest }))
    }
  }

  #ended(fill: Fill, end: FillEnd, events: MirrorEvents): void {
    const { digest, repository } = fill
    this.#running.delete(digest)
    this.#endings += 1
    events.filled(repository, digest, fill.fetchedBytes, end)
    const name = imageName(repository, { digest })
    if (end.how === 'missing') this.#missing.add(name)
    if (end.how === 'published') {
      this.#options.uses.note(digest)
      this.#storing.worked()
      this.#room.worked()
    }
    if (!('error' in end)) return
    const { error } = end
    // That there is no room for one says nothing of the others.
    if (error instanceof StoreError) {
      const trouble = error.kind === 'no-room' ? this.#room : this.#storing
      trouble.failed(error)
    }
    // With bytes of an earlier attempt among them it may have been those that were wrong.
    const mayBeRight = fill.isResumed || fill.othersMayBeRight
    if (error instanceof IntegrityError && !mayBeRight) this.#wrong.add(name)
  }
}
