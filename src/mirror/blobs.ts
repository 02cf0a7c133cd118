// Blobs: from the store, from a download under way, or by starting one. One answer for all three.

import { IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import type { ByteSource } from '../lib/byte-source.ts'
import type { Extent } from '../lib/extents.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { within } from '../lib/within.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { BlobStore, StoredBlob } from '../store/blob-store.ts'
import type { Hasher } from '../store/hasher.ts'
import type { Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { AbandonPolicy } from './abandon.ts'
import type { MirrorEvents } from './events.ts'
import { Fill } from './fill.ts'
import type { FillEnd } from './fill.ts'
import { Misses } from './misses.ts'
import { openedBy } from './opening.ts'
import { probeBlob } from './probe.ts'
import type { ProbedBlob } from './probe.ts'
import type { SharedContent } from './shared-content.ts'
import type { Uses } from './uses.ts'

/** A push may be going on: what is missing now may be there soon. */
const MISSING_BLOB_MS = 10_000
/** Upstream just sent wrong content under this digest: it is not downloaded again and again. */
const WRONG_BLOB_MS = 10_000

/** How long a pull waits to see whether another repository's upstream has the blob. */
const JOIN_WAIT_MS = 10_000
/** The disk was full or failed: what would need it is refused at once, so that clients go on. */
const STORE_TROUBLE_MS = 30_000

/** A blob that can be served. To be released once, however its response ends. */
export interface BlobAnswer {
  /** Undefined where upstream tells no size: such a body goes out chunked. */
  readonly sizeBytes: number | undefined
  /** From disk; from a download that was under way; from one started for this request. */
  readonly how: 'hit' | 'join' | 'miss'
  /** The bytes, for a response that sends `windows` of them (the whole where it is undefined). */
  source(windows: readonly BlobWindow[] | undefined): ByteSource
  /** Instead of `source`, where no bytes are sent after all. */
  dismiss(): void
}

/** A part of a blob; `isOpen` where the client asked for everything from a start on. */
export interface BlobWindow extends Extent {
  readonly isOpen: boolean
}

export interface BlobsOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly hasher: Hasher
  readonly upstreams: Upstreams
  readonly events: MirrorEvents
  readonly uses: Uses
  readonly shared: SharedContent
  readonly abandoned: AbandonPolicy
  readonly offline: boolean
  readonly now: () => number
}

export class Blobs {
  readonly #options: BlobsOptions
  readonly #fills = new Map<Digest, Fill>()
  readonly #missing: Misses
  readonly #wrong: Misses
  readonly #confirming = new SingleFlight<Confirmed | undefined>()
  #storeTrouble: { readonly error: StoreError; readonly since: number } | undefined
  #endings = 0

  constructor(options: BlobsOptions) {
    this.#options = options
    this.#missing = new Misses(MISSING_BLOB_MS, options.now)
    this.#wrong = new Misses(WRONG_BLOB_MS, options.now)
  }

  /** Undefined when there is no such blob in this repository. Throws UpstreamError where asking fails. */
  async open(repository: Repository, digest: Digest): Promise<BlobAnswer | undefined> {
    const { index, uses, shared } = this.#options
    const content = await index.findContent(repository, digest)
    // containerd asks for manifests here too and would take octet-stream for their type.
    if (content?.kind === 'manifest') return undefined
    const isShared = content !== undefined && (await shared.mayServe(digest, content))
    if (!isShared && !this.#mayAsk(repository, digest)) return undefined
    const running = this.#fills.get(digest)
    if (running) return await this.#follow(running, 'join', repository)
    const endings = this.#endings
    const stored = await this.#openStored(digest)
    if (stored) {
      let isAllowed = isShared
      try {
        isAllowed ||= (await this.#confirm(repository, digest)) !== undefined
      } finally {
        if (!isAllowed) await stored.close()
      }
      if (isAllowed) uses.note(digest)
      return isAllowed ? hit(stored) : undefined
    }
    // A download that began and ended meanwhile has stored it since.
    if (this.#fills.has(digest) || endings !== this.#endings) return this.open(repository, digest)
    if (!this.#mayAsk(repository, digest)) return undefined
    const started = this.#start(repository, digest, content?.sizeBytes, !isShared)
    return await this.#follow(started, 'miss', repository)
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

  /** Downloads under way are stopped and kept for resuming. */
  async parkAll(): Promise<void> {
    await Promise.all([...this.#fills.values()].map((fill) => fill.park()))
  }

  #mayAsk(repository: Repository, digest: Digest): boolean {
    return !this.#options.offline && !this.#missing.has(imageName(repository, { digest }))
  }

  /** Truncated and emptied files are noticed here, before their length is promised to anybody. */
  async #openStored(digest: Digest): Promise<StoredBlob | undefined> {
    const { store, index, events, now } = this.#options
    const stored = await store.open(digest)
    if (!stored) {
      // A row without its file would count an image as whole that is not.
      if (await index.findBlob(digest)) await index.forgetBlob(digest)
      return undefined
    }
    const row = await index.findBlob(digest).catch(async (error: unknown) => {
      await stored.close()
      throw error
    })
    if (!row) {
      const { sizeBytes, stamp } = stored
      await index.publishBlob(digest, { sizeBytes, stamp, storedAt: now() })
    }
    if (!row || row.sizeBytes === stored.sizeBytes) return stored
    await stored.close()
    await store.quarantine(digest)
    await index.forgetBlob(digest)
    events.damaged(digest, `${stored.sizeBytes} bytes on disk, ${row.sizeBytes} were stored`)
    return undefined
  }

  async #follow(
    fill: Fill,
    how: 'join' | 'miss',
    repository: Repository,
  ): Promise<BlobAnswer | undefined> {
    const { digest } = fill
    const isOwn = isSame(fill.repository, repository)
    const isThere = await this.#isThere(fill, isOwn)
    if (isThere && !fill.isOver) {
      // Joined at once, so that the fill is not abandoned before the response's first byte.
      const answer = answerOf(fill, how)
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
    return await this.open(repository, digest)
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

  /** Undefined where another's fill failed, which says nothing about this repository. */
  async #isThere(fill: Fill, isOwn: boolean): Promise<boolean | undefined> {
    if (isOwn) {
      return await fill.answerable.catch((error: unknown) => {
        if (fill.isParked) return undefined
        throw error
      })
    }
    const answered = fill.answerable.catch(() => undefined)
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
    const { index, store, hasher, upstreams, abandoned, events, now } = this.#options
    const trouble = this.#storeTrouble
    if (trouble && now() - trouble.since < STORE_TROUBLE_MS) throw trouble.error
    if (this.#wrong.has(imageName(repository, { digest }))) {
      throw new UpstreamError('bad-response', `upstream sent wrong content for ${digest} just now`)
    }
    const upstream = upstreams.registry(repository.registry)
    const fill = new Fill({
      digest,
      repository,
      expectedBytes,
      mustAsk,
      abandoned,
      hasher,
      stage: () => store.stage(digest),
      open: (range) => upstream.openBlob(repository.name, digest, range),
      // Until it is verified it may be anything, and be it what a login brought elsewhere.
      published: async (blob, isAnonymous) => {
        if (isAnonymous !== undefined) await this.#seen(repository, digest, isAnonymous)
        await index.publishBlob(digest, { ...blob, storedAt: now() })
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
    if (end.how === 'published') this.#options.uses.note(digest)
    if (!('error' in end)) return
    const { error } = end
    if (error instanceof StoreError) this.#storeTrouble = { error, since: this.#options.now() }
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

  /**
   * A disk that is full keeps nobody from the blob. No size is noted: until the content is verified, only
   * a descriptor's can be relied on.
   */
  async #seen(repository: Repository, digest: Digest, isAnonymous: boolean): Promise<void> {
    const { hasLogin } = this.#options.upstreams.registry(repository.registry)
    const opens = openedBy('blob', { isAnonymous, isOrigin: false }, hasLogin)
    const row = { kind: 'blob', sizeBytes: undefined, opens } as const
    await this.#options.index.recordContent(repository, digest, row).catch((error: unknown) => {
      if (!(error instanceof StoreError)) throw error
    })
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

function hit(stored: StoredBlob): BlobAnswer {
  const close = (): void => void stored.close().catch(() => undefined)
  const { fd, sizeBytes } = stored
  return {
    sizeBytes,
    how: 'hit',
    source: () => ({
      fd,
      sizeBytes,
      available: (position) => Math.max(0, sizeBytes - position),
      arrived: () => Promise.resolve(),
      release: close,
    }),
    dismiss: close,
  }
}

function answerOf(fill: Fill, how: 'join' | 'miss'): BlobAnswer {
  const whole = fill.follow()
  return {
    sizeBytes: fill.sizeBytes,
    how,
    source: (windows) => {
      const [only, ...others] = windows ?? []
      if (!only || others.length > 0 || only.isOpen) return whole
      const source = fill.followWindow(only)
      whole.release()
      return source
    },
    dismiss: () => whole.release(),
  }
}
