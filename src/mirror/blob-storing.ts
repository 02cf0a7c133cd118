// Blobs stored ahead of time: downloaded with nobody reading, and shared with whoever does.

import { StoreError, UpstreamError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import { imageName, isSameRepository } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { ConfirmedBlobs } from './confirmed-blobs.ts'
import { Fill } from './fill.ts'
import type { FillEnd } from './fill-options.ts'
import type { Fills } from './fills.ts'
import type { SharedContent } from './shared-content.ts'
import type { StoredBlobs } from './stored-blobs.ts'
import type { LookedAt, StoredHow, Storing } from './warm-port.ts'

export interface BlobStoringOptions {
  readonly index: Index
  readonly shared: SharedContent
  readonly offline: boolean
}

export interface BlobStoringParts {
  readonly fills: Fills
  readonly stored: StoredBlobs
  readonly confirmed: ConfirmedBlobs
}

export class BlobStoring {
  readonly #options: BlobStoringOptions
  readonly #fills: Fills
  readonly #stored: StoredBlobs
  readonly #confirmed: ConfirmedBlobs

  constructor(options: BlobStoringOptions, { fills, stored, confirmed }: BlobStoringParts) {
    this.#options = options
    this.#fills = fills
    this.#stored = stored
    this.#confirmed = confirmed
  }

  /**
   * Downloads it to its end with nobody reading, or waits for whoever does. Throws StoreError where it
   * cannot be stored: it is never passed through.
   */
  async store(repository: Repository, blob: Descriptor, storing: Storing): Promise<StoredHow> {
    const { digest } = blob
    let bytes = 0
    const counting = {
      ...{ signal: storing.signal, cap: storing.cap },
      arrived: (more: number): void => {
        bytes += more
        storing.arrived(more)
      },
    }
    for (;;) {
      storing.signal.throwIfAborted()
      const fill = this.#fills.get(digest) ?? (await this.#startStoring(repository, blob))
      if (fill === 'again') continue
      if (!(fill instanceof Fill)) return fill
      const { isParked } = fill
      const end = await this.#keepToEnd(fill, counting)
      // It was being put away already, for those who wanted it before.
      if (isParked) continue
      if (isSameRepository(fill.repository, repository)) {
        const how = storedHow(end)
        return how === 'stored' ? (bytes > 0 ? { how: 'fetched', bytes } : { how: 'held' }) : how
      }
      // What another repository's upstream says is nothing to this one; what the disk says is.
      if (end.how === 'passed' || end.how === 'unstored') storedHow(end)
    }
  }

  /** What is not stored, is no longer right, or would not be served there without asking upstream. */
  async missing(
    repository: Repository,
    blobs: readonly Descriptor[],
    looked: LookedAt = new Map(),
  ): Promise<readonly Descriptor[]> {
    const once = (what: string, look: () => Promise<boolean>): Promise<boolean> => {
      const answer = looked.get(what) ?? look()
      looked.set(what, answer)
      return answer
    }
    // All at once: no question waits for the answer to another.
    const isThere = await Promise.all(
      blobs.map(async ({ digest }) => {
        const both = await Promise.all([
          once(digest, () => this.#stored.isRight(digest)),
          once(imageName(repository, { digest }), () => this.#mayServe(repository, digest)),
        ])
        return both.every(Boolean)
      }),
    )
    return blobs.filter((_, n) => !isThere[n])
  }

  /** `again`: it has begun or ended since it was looked for. */
  async #startStoring(
    repository: Repository,
    { digest, sizeBytes }: Descriptor,
  ): Promise<Fill | StoredHow | 'again'> {
    const endings = this.#fills.endings
    const isRight = await this.#stored.isRight(digest)
    const isShared = await this.#mayServe(repository, digest)
    if (isRight && isShared) return { how: 'held' }
    if (this.#options.offline) throw new UpstreamError('offline', 'the mirror is offline')
    if (this.#fills.isMissing(repository, digest)) return { how: 'missing' }
    if (isRight) {
      const confirmed = await this.#confirmed.confirm(repository, digest)
      return confirmed ? { how: 'held' } : { how: 'missing' }
    }
    if (this.#fills.get(digest) || endings !== this.#fills.endings) return 'again'
    // Trouble of the disk just now: nothing can be passed through here, so it is tried again.
    return this.#fills.start(repository, digest, sizeBytes, !isShared)
  }

  async #keepToEnd(fill: Fill, { signal, arrived, cap }: Storing): Promise<FillEnd> {
    const aborted = Promise.withResolvers<'aborted'>()
    const onAbort = (): void => aborted.resolve('aborted')
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    const leave = fill.keep({ arrived, cap })
    try {
      const end = await Promise.race([fill.ended, aborted.promise])
      if (end !== 'aborted') return end
    } finally {
      signal.removeEventListener('abort', onAbort)
      await leave()
    }
    throw signal.reason
  }

  async #mayServe(repository: Repository, digest: Digest): Promise<boolean> {
    const { index, shared } = this.#options
    const content = await index.findContent(repository, digest)
    return content !== undefined && (await shared.mayServe(digest, content))
  }
}

/** `stored`: the file is there. Throws what kept it from being so. */
function storedHow(end: FillEnd): 'stored' | StoredHow {
  switch (end.how) {
    case 'published':
      return 'stored'
    case 'missing':
      return { how: 'missing' }
    case 'parked':
      throw new UpstreamError('unreachable', 'the download was stopped')
    case 'unstored':
    case 'passed':
      throw end.error instanceof StoreError ? end.error : new StoreError('io', end.error.message)
    case 'failed':
      throw end.error
  }
}
