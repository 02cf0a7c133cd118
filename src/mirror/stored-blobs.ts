// Blobs that are stored, opened to be served: only what is right, and for as long as they are read.

import type { Integrity } from '../care/integrity.ts'
import type { Room } from '../care/room-port.ts'
import { StoreError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { BlobStore, StoredBlob } from '../store/blob-store.ts'
import type { Index } from '../store/index-port.ts'
import type { MirrorEvents } from './events.ts'

export interface StoredBlobsOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly room: Room
  readonly integrity: Pick<Integrity, 'rightStamp' | 'condemn'>
  readonly events: MirrorEvents
}

/** Not evicted before it is released. */
export interface HeldBlob {
  readonly blob: StoredBlob
  release(): void
}

export class StoredBlobs {
  readonly #options: StoredBlobsOptions

  constructor(options: StoredBlobsOptions) {
    this.#options = options
  }

  /** Undefined where it is not stored, or is no longer right. */
  async hold(digest: Digest): Promise<HeldBlob | undefined> {
    const { room } = this.#options
    for (let removed = room.removing(digest); removed; removed = room.removing(digest)) {
      await removed
    }
    const release = room.use(digest)
    const blob = await this.#open(digest).catch((error: unknown) => {
      release()
      throw error
    })
    if (!blob) release()
    return blob && { blob, release }
  }

  /** Whether it would be served as it is, without opening it. */
  async isRight(digest: Digest): Promise<boolean> {
    const { store, index, room, integrity, events } = this.#options
    const removing = room.removing(digest)
    if (removing) await removing
    try {
      const [found, row] = await Promise.all([store.find(digest), index.findBlob(digest)])
      if (found && row?.stamp === found.stamp && row.sizeBytes === found.sizeBytes) return true
      return found || row ? (await integrity.rightStamp(digest)) !== undefined : false
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      events.unreadable(digest, error.message)
      return false
    }
  }

  /** The next pull of it brings it again. `stamp`: of the file that was read, not of its successor. */
  async takeOutOfService(digest: Digest, found: string, stamp: string): Promise<void> {
    const { integrity, events } = this.#options
    try {
      await integrity.condemn(digest, found, stamp)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      events.unreadable(digest, `${found}; ${error.message}`)
    }
  }

  /**
   * Only what is as it was when it was last hashed; whatever was touched since is hashed again first. A
   * file that cannot be opened counts as absent: the next download takes its place.
   */
  async #open(digest: Digest): Promise<StoredBlob | undefined> {
    const { store, index, integrity, events } = this.#options
    try {
      const [stored, row] = await Promise.all([store.open(digest), index.findBlob(digest)])
      if (stored && row?.stamp === stored.stamp && row.sizeBytes === stored.sizeBytes) return stored
      await stored?.close()
      if (!stored && !row) return undefined
      const stamp = await integrity.rightStamp(digest)
      if (stamp === undefined) return undefined
      const right = await store.open(digest)
      if (right?.stamp === stamp) return right
      await right?.close()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      events.unreadable(digest, error.message)
    }
    return undefined
  }
}
