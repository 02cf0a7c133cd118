// Blobs: from the store, from a download under way, or by starting one. One answer for all three.

import type { Integrity } from '../care/integrity.ts'
import { IntegrityError, StoreError, UpstreamError } from '../errors.ts'
import { within } from '../lib/within.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, isSameRepository } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import { fillAnswer, hitAnswer, passedAnswer } from './blob-answer.ts'
import type { BlobAnswer } from './blob-answer.ts'
import { BlobStoring } from './blob-storing.ts'
import { ConfirmedBlobs } from './confirmed-blobs.ts'
import type { Fill } from './fill.ts'
import { Fills } from './fills.ts'
import type { FillsOptions } from './fills.ts'
import { PassThrough } from './pass-through.ts'
import type { PassOptions } from './pass-through.ts'
import type { SharedContent } from './shared-content.ts'
import { StoredBlobs } from './stored-blobs.ts'

/** How long a pull waits to see whether another repository's upstream has the blob. */
const JOIN_WAIT_MS = 10_000

export interface BlobsOptions extends FillsOptions {
  readonly integrity: Pick<Integrity, 'rightStamp' | 'condemn'>
  readonly shared: SharedContent
  readonly offline: boolean
}

/** Whether a client asks for all of a blob, or for ranges of it. */
export type WantedOfBlob = 'whole' | 'ranges'

export class Blobs {
  /** The same blobs, for when nobody reads them yet. */
  readonly storing: BlobStoring
  readonly #options: BlobsOptions
  readonly #fills: Fills
  readonly #stored: StoredBlobs
  readonly #confirmed: ConfirmedBlobs

  constructor(options: BlobsOptions) {
    this.#options = options
    const fills = (this.#fills = new Fills(options))
    const stored = (this.#stored = new StoredBlobs(options))
    const confirmed = (this.#confirmed = new ConfirmedBlobs(options, fills))
    this.storing = new BlobStoring(options, { fills, stored, confirmed })
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
    const endings = this.#fills.endings
    const stored = await this.#hit(repository, digest)
    if (stored) {
      let isAllowed = isShared
      try {
        isAllowed ||= (await this.#confirmed.confirm(repository, digest)) !== undefined
      } finally {
        if (!isAllowed) stored.dismiss()
      }
      if (isAllowed) uses.note(digest)
      return isAllowed ? stored : undefined
    }
    // A download that began and ended meanwhile has stored it since.
    if (this.#fills.get(digest) || endings !== this.#fills.endings) {
      return this.open(repository, digest, wanted)
    }
    if (!this.#mayAsk(repository, digest)) return undefined
    if (this.#fills.storeTrouble) {
      return await this.#pass(repository, digest, wanted)
    }
    const started = this.#fills.start(repository, digest, content?.sizeBytes, !isShared)
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
    if (running?.sizeBytes !== undefined && isSameRepository(running.repository, repository)) {
      return running.sizeBytes
    }
    if (!this.#mayAsk(repository, digest)) return undefined
    return (await this.#confirmed.confirm(repository, digest))?.sizeBytes
  }

  get isDownloading(): boolean {
    return this.#fills.isAny
  }

  /** Downloads under way are stopped and kept for resuming. */
  async parkAll(): Promise<void> {
    await this.#fills.parkAll()
  }

  #mayAsk(repository: Repository, digest: Digest): boolean {
    return !this.#options.offline && !this.#fills.isMissing(repository, digest)
  }

  async #hit(repository: Repository, digest: Digest): Promise<BlobAnswer | undefined> {
    const held = await this.#stored.hold(digest)
    if (!held) return undefined
    const options = this.#fills.passOptions(repository, digest, held.blob.sizeBytes)
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
    const isOwn = isSameRepository(fill.repository, repository)
    const arrived = fill.expect()
    try {
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
    } finally {
      arrived()
    }
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
    this.#fills.refuseWrong(repository, digest)
    const content = await index.findContent(repository, digest)
    const isShared = content !== undefined && (await shared.mayServe(digest, content))
    const options = this.#fills.passOptions(repository, digest, content?.sizeBytes)
    if (wanted === 'whole') {
      const opened = await this.#awaited(options.open())
      if (opened) return passedAnswer(passThrough(options, opened))
      this.#fills.noteMissing(repository, digest)
      return undefined
    }
    // A range is asked for when it is known; where its blob is known to be, by that request alone.
    if (isShared && content.sizeBytes !== undefined) return passedAnswer(new PassThrough(options))
    const confirmed = await this.#confirmed.confirm(repository, digest)
    if (!confirmed) return undefined
    const sizeBytes = content?.sizeBytes ?? confirmed.sizeBytes
    return passedAnswer(new PassThrough({ ...options, sizeBytes }))
  }

  /** A client waits for it, before there is anything that says so. */
  async #awaited<Found>(asked: Promise<Found>): Promise<Found> {
    const { pace } = this.#options
    pace.liveBegan(asked)
    try {
      return await asked
    } finally {
      pace.liveEnded(asked)
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
    return (await this.#confirmed.confirm(repository, digest)) !== undefined
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
