// Blobs: from the store, from a download under way, or by starting one. One answer for all three.

import type { Integrity } from '../care/integrity.ts'
import type { Room } from '../care/room-port.ts'
import { IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { within } from '../lib/within.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { BlobStore } from '../store/blob-store.ts'
import type { Hasher } from '../store/hasher.ts'
import type { Index } from '../store/index-port.ts'
import type { OpenedBlob, Upstreams } from '../upstream/upstream.ts'
import type { AbandonPolicy } from './abandon.ts'
import { fillAnswer, hitAnswer, passedAnswer } from './blob-answer.ts'
import type { BlobAnswer } from './blob-answer.ts'
import type { MirrorEvents } from './events.ts'
import { Episode } from './episode.ts'
import { Fill } from './fill.ts'
import type { FillEnd } from './fill.ts'
import { Misses } from './misses.ts'
import { openedBy } from './opening.ts'
import { PassThrough } from './pass-through.ts'
import type { PassEnd, PassOptions } from './pass-through.ts'
import { probeBlob } from './probe.ts'
import type { ProbedBlob } from './probe.ts'
import type { SharedContent } from './shared-content.ts'
import { StoredBlobs } from './stored-blobs.ts'
import type { Uses } from './uses.ts'

/** A push may be going on: what is missing now may be there soon. */
const MISSING_BLOB_MS = 10_000
/** Upstream just sent wrong content under this digest: it is not downloaded again and again. */
const WRONG_BLOB_MS = 10_000

/** How long a pull waits to see whether another repository's upstream has the blob. */
const JOIN_WAIT_MS = 10_000
/** The disk was full or failed: for this long it is left alone, and downloads are passed through. */
const STORE_TROUBLE_MS = 30_000

/** Small blobs may find room while large ones do not: with less than this between them it is one trouble. */
const NO_ROOM_QUIET_MS = 10 * 60_000

export interface BlobsOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly hasher: Hasher
  readonly room: Room
  readonly integrity: Pick<Integrity, 'rightStamp' | 'condemn'>
  readonly upstreams: Upstreams
  readonly events: MirrorEvents
  readonly uses: Uses
  readonly shared: SharedContent
  readonly abandoned: AbandonPolicy
  readonly offline: boolean
  readonly now: () => number
}

/** Whether a client asks for all of a blob, or for ranges of it. */
export type WantedOfBlob = 'whole' | 'ranges'

export class Blobs {
  readonly #options: BlobsOptions
  readonly #fills = new Map<Digest, Fill>()
  readonly #missing: Misses
  readonly #wrong: Misses
  readonly #confirming = new SingleFlight<Confirmed | undefined>()
  readonly #storing: Episode
  readonly #room: Episode
  readonly #stored: StoredBlobs
  #endings = 0

  constructor(options: BlobsOptions) {
    this.#options = options
    this.#missing = new Misses(MISSING_BLOB_MS, options.now)
    this.#wrong = new Misses(WRONG_BLOB_MS, options.now)
    this.#stored = new StoredBlobs(options)
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

  /** Undefined when there is no such blob in this repository. Throws UpstreamError where asking fails. */
  async open(
    repository: Repository,
    digest: Digest,
    wanted: WantedOfBlob,
  ): Promise<BlobAnswer | undefined> {
    const { index, uses, shared } = this.#options
    const content = await index.findContent(repository, digest)
    // containerd asks for manifests here too and would take octet-stream for their type.
    if (content?.kind === 'manifest') return undefined
    const isShared = content !== undefined && (await shared.mayServe(digest, content))
    if (!isShared && !this.#mayAsk(repository, digest)) return undefined
    const running = this.#fills.get(digest)
    if (running) return await this.#follow(running, 'join', repository, wanted)
    const endings = this.#endings
    const stored = await this.#hit(repository, digest)
    if (stored) {
      let isAllowed = isShared
      try {
        isAllowed ||= (await this.#confirm(repository, digest)) !== undefined
      } finally {
        if (!isAllowed) stored.dismiss()
      }
      if (isAllowed) uses.note(digest)
      return isAllowed ? stored : undefined
    }
    // A download that began and ended meanwhile has stored it since.
    if (this.#fills.has(digest) || endings !== this.#endings) {
      return this.open(repository, digest, wanted)
    }
    if (!this.#mayAsk(repository, digest)) return undefined
    if (this.#storing.hasFailedWithin(STORE_TROUBLE_MS)) {
      return await this.#pass(repository, digest, wanted)
    }
    const started = this.#start(repository, digest, content?.sizeBytes, !isShared)
    return await this.#follow(started, 'miss', repository, wanted)
  }

  /** The size alone, for HEAD: what is stored or a descriptor tells it without asking anybody. */
  async size(repository: Repository, digest: Digest): Promise<number | undefined> {
    const { index, shared } = this.#options
    const content = await index.findContent(repository, digest)
    if (content?.kind === 'manifest') return undefined
    const isShared = content !== undefined && (await shared.mayServe(digest, content))
    const stored = isShared ? await index.findBlob(digest) : undefined
    if (stored) return stored.sizeBytes
    if (content?.sizeBytes !== undefined) return content.sizeBytes
    const running = this.#fills.get(digest)
    if (running?.sizeBytes !== undefined && isSame(running.repository, repository)) {
      return running.sizeBytes
    }
    if (!this.#mayAsk(repository, digest)) return undefined
    return (await this.#confirm(repository, digest))?.sizeBytes
  }

  get isDownloading(): boolean {
    return this.#fills.size > 0
  }

  /** Downloads under way are stopped and kept for resuming. */
  async parkAll(): Promise<void> {
    await Promise.all([...this.#fills.values()].map((fill) => fill.park()))
  }

  #mayAsk(repository: Repository, digest: Digest): boolean {
    return !this.#options.offline && !this.#missing.has(imageName(repository, { digest }))
  }

  async #hit(repository: Repository, digest: Digest): Promise<BlobAnswer | undefined> {
    const held = await this.#stored.hold(digest)
    if (!held) return undefined
    const options = this.#passOptions(repository, digest, held.blob.sizeBytes)
    return hitAnswer(held.blob, held.release, (unreadable) => {
      void this.#stored.takeOutOfService(digest, unreadable.message, held.blob.stamp)
      return new PassThrough(options)
    })
  }

  async #follow(
    fill: Fill,
    how: 'join' | 'miss',
    repository: Repository,
    wanted: WantedOfBlob,
  ): Promise<BlobAnswer | undefined> {
    const { digest } = fill
    const isOwn = isSame(fill.repository, repository)
    const isThere = await this.#isThere(fill, isOwn)
    // Not by another download, which would end as this one did.
    if (isThere === 'unstorable') return await this.#pass(repository, digest, wanted)
    if (isThere && !fill.isOver) {
      // Joined at once, so that the fill is not abandoned before the response's first byte.
      const answer = fillAnswer(fill, how)
      let isAllowed = false
      try {
        isAllowed = isOwn || (await this.#mayJoin(fill, repository))
      } finally {
        if (!isAllowed) answer.dismiss()
      }
      return isAllowed ? answer : undefined
    }
    if (isThere === false && isOwn) return undefined
    // Over by now, or of another repository whose upstream failed while this one's may have it.
    await fill.ended
    return await this.open(repository, digest, wanted)
  }

  /** For what the store cannot take. Nothing is shared: there is no file to follow. */
  async #pass(
    repository: Repository,
    digest: Digest,
    wanted: WantedOfBlob,
  ): Promise<BlobAnswer | undefined> {
    const { index, shared } = this.#options
    const name = imageName(repository, { digest })
    this.#refuseWrong(repository, digest)
    const content = await index.findContent(repository, digest)
    const isShared = content !== undefined && (await shared.mayServe(digest, content))
    const options = this.#passOptions(repository, digest, content?.sizeBytes)
    if (wanted === 'whole') {
      const opened = await options.open()
      if (opened) return passedAnswer(passThrough(options, opened))
      this.#missing.add(name)
      return undefined
    }
    // A range is asked for when it is known; where its blob is known to be, by that request alone.
    if (isShared && content.sizeBytes !== undefined) return passedAnswer(new PassThrough(options))
    const confirmed = await this.#confirm(repository, digest)
    if (!confirmed) return undefined
    const sizeBytes = content?.sizeBytes ?? confirmed.sizeBytes
    return passedAnswer(new PassThrough({ ...options, sizeBytes }))
  }

  #passOptions(repository: Repository, digest: Digest, sizeBytes: number | undefined): PassOptions {
    const { hasher, upstreams } = this.#options
    const upstream = upstreams.registry(repository.registry)
    return {
      digest,
      sizeBytes,
      hasher,
      open: (range) => upstream.openBlob(repository.name, digest, range),
      passed: (end) => this.#passed(repository, digest, end),
    }
  }

  #passed(repository: Repository, digest: Digest, end: PassEnd): void {
    const { events } = this.#options
    if (end.how === 'verified') return void this.#seen(repository, digest, end.isAnonymous)
    events.passFailed(repository, digest, end.error)
    if (end.error instanceof IntegrityError && !end.othersMayBeRight) {
      this.#wrong.add(imageName(repository, { digest }))
    }
  }

  #refuseWrong(repository: Repository, digest: Digest): void {
    if (this.#wrong.has(imageName(repository, { digest }))) {
      throw new UpstreamError('bad-response', `upstream sent wrong content for ${digest} just now`)
    }
  }

  /** What everybody can read where it comes from is shared with who names it, before it is held. */
  async #mayJoin(fill: Fill, repository: Repository): Promise<boolean> {
    const { index } = this.#options
    const { digest } = fill
    if (fill.isAnonymous !== undefined && (await index.findContent(repository, digest))) {
      const from = await index.findVisibility(fill.repository)
      if (from?.isPublic ?? fill.isAnonymous) return true
    }
    return (await this.#confirm(repository, digest)) !== undefined
  }

  /**
   * Undefined where another's fill failed, which says nothing about this repository; `unstorable` where
   * it was the store that failed, or has no room.
   */
  async #isThere(fill: Fill, isOwn: boolean): Promise<boolean | 'unstorable' | undefined> {
    const answerable = fill.answerable.catch((error: unknown) => {
      if (error instanceof StoreError) return 'unstorable' as const
      if (fill.isParked || !isOwn) return undefined
      throw error
    })
    if (isOwn) return await answerable
    const answered = answerable
    const isThere = await within(JOIN_WAIT_MS, answered)
    if (isThere !== 'slow') return isThere
    const { digest, repository } = fill
    const what = imageName(repository, { digest })
    throw new UpstreamError('timed-out', `${what} is being asked for and does not answer`)
  }

  #start(
    repository: Repository,
    digest: Digest,
    expectedBytes: number | undefined,
    mustAsk: boolean,
  ): Fill {
    const { index, store, room, abandoned, events, now } = this.#options
    this.#refuseWrong(repository, digest)
    const fill = new Fill({
      ...this.#passOptions(repository, digest, expectedBytes),
      repository,
      expectedBytes,
      mustAsk,
      abandoned,
      room,
      stage: () => store.stage(digest),
      stagedBytes: () => store.stagedBytes(digest),
      // Until it is verified it may be anything, and be it what a login brought elsewhere.
      published: async (blob, isAnonymous) => {
        if (isAnonymous !== undefined) await this.#seen(repository, digest, isAnonymous)
        try {
          await index.publishBlob(digest, { ...blob, storedAt: now() })
        } catch (error) {
          // Without a row nobody would count it, or ever remove it.
          await store.remove(digest).catch(() => undefined)
          throw error
        }
      },
    })
    this.#fills.set(digest, fill)
    void fill.ended.then((end) => this.#ended(fill, end, events))
    return fill
  }

  #ended(fill: Fill, end: FillEnd, events: MirrorEvents): void {
    const { digest, repository } = fill
    this.#fills.delete(digest)
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

  /** Whether this repository contains what another was seen to contain. */
  #confirm(repository: Repository, digest: Digest): Promise<Confirmed | undefined> {
    const name = imageName(repository, { digest })
    return this.#confirming.run(name, () => this.#askFor(repository, digest))
  }

  async #askFor(repository: Repository, digest: Digest): Promise<Confirmed | undefined> {
    const { upstreams, index, shared } = this.#options
    const held = await index.findBlob(digest)
    // Whoever asked just before may have learnt it since this one looked.
    const known = await index.findContent(repository, digest)
    if (held && known?.kind === 'blob' && (await shared.mayServe(digest, known))) return held
    const upstream = upstreams.registry(repository.registry)
    const found = await shared.confirm(repository, (asking) =>
      probeBlob(upstream, repository.name, digest, asking),
    )
    if (!found) this.#missing.add(imageName(repository, { digest }))
    if (!found || (held && isOther(found, held))) return undefined
    await this.#seen(repository, digest, found.isAnonymous)
    return { sizeBytes: found.totalBytes }
  }

  /** No size is noted: until the content is verified, only a descriptor's can be relied on. */
  async #seen(repository: Repository, digest: Digest, isAnonymous: boolean): Promise<void> {
    const { hasLogin } = this.#options.upstreams.registry(repository.registry)
    const opens = openedBy('blob', { isAnonymous, isOrigin: false }, hasLogin)
    const row = { kind: 'blob', sizeBytes: undefined, opens } as const
    await this.#options.index.recordContent(repository, digest, row)
  }
}

interface Confirmed {
  readonly sizeBytes: number | undefined
}

/** What is held is the right size, so who tells another one has something else. */
function isOther({ totalBytes }: ProbedBlob, held: { readonly sizeBytes: number }): boolean {
  return totalBytes !== undefined && totalBytes !== held.sizeBytes
}

function isSame(one: Repository, other: Repository): boolean {
  return repositoryKey(one) === repositoryKey(other)
}

/** Throws what is wrong with what was opened, and lets it go. */
function passThrough(options: PassOptions, opened: OpenedBlob): PassThrough {
  try {
    return new PassThrough(options, opened)
  } catch (error) {
    if (error instanceof IntegrityError)
      options.passed({ how: 'failed', error, othersMayBeRight: opened.distrust() })
    throw error
  }
}
