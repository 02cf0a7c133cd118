// Manifests, kept a second time as files beside the content they name: an index that is lost or broken
// is made again from these. After the answer and best effort: a pull neither waits for it nor fails by it.

import { StoreError } from '../errors.ts'
import { within } from '../lib/within.ts'
import type { Digest } from '../oci/digest.ts'
import { knownManifest } from '../oci/known-manifest.ts'
import { MANIFEST_BYTES_MAX } from '../oci/manifest.ts'
import type { BlobStore } from '../store/blob-store.ts'
import type { HeldManifest, Index } from '../store/index-port.ts'
import type { Room } from './room-port.ts'

/** Waiting to be written; those beyond are left to the next check of the store. */
const WAITING_MAX = 1000
/** A stop waits so long for them to be written. */
const CLOSE_MS = 2000

export interface ManifestFilesOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly room: Room
  readonly now: () => number
}

export class ManifestFiles {
  readonly #options: ManifestFilesOptions
  readonly #waiting = new Map<Digest, HeldManifest>()
  #writing: Promise<void> | undefined
  #isClosed = false

  constructor(options: ManifestFilesOptions) {
    this.#options = options
  }

  /** In the background, one after another. */
  keep(manifest: HeldManifest): void {
    if (this.#isClosed) return
    if (this.#waiting.size < WAITING_MAX) this.#waiting.set(manifest.digest, manifest)
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined))
  }

  /** What the index has lost, it has again from here. */
  async find(digest: Digest): Promise<HeldManifest | undefined> {
    const { index, store } = this.#options
    const row = await index.findBlob(digest)
    if (!row || row.sizeBytes > MANIFEST_BYTES_MAX) return undefined
    const bytes = await store.read(digest, MANIFEST_BYTES_MAX)
    const manifest = bytes && knownManifest(digest, bytes)
    // Where the index cannot take it back, it is read from here again.
    if (manifest) await index.restoreManifest(manifest).catch(() => undefined)
    return manifest
  }

  /** Everything kept so far is written, or cannot be. */
  async settled(): Promise<void> {
    while (this.#writing) await this.#writing
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if ((await within(CLOSE_MS, this.settled())) !== 'slow') return
    this.#waiting.clear()
    await this.settled()
  }

  async #writeAll(): Promise<void> {
    for (const manifest of this.#waiting.values()) {
      await this.#write(manifest).catch((error: unknown) => {
        if (!(error instanceof StoreError)) throw error
      })
      this.#waiting.delete(manifest.digest)
    }
  }

  async #write({ digest, bytes }: HeldManifest): Promise<void> {
    const { index, store, room, now } = this.#options
    if (await index.findBlob(digest)) return
    const sizeBytes = bytes.byteLength
    const reservation = await room.reserve(digest, sizeBytes, 'at-once')
    if (!reservation) return
    let isPublished = false
    try {
      const stamp = await store.put(digest, bytes)
      await index.publishBlob(digest, { sizeBytes, stamp, storedAt: now() })
      isPublished = true
    } catch (error) {
      // Without a row nobody would count it.
      await store.remove(digest).catch(() => undefined)
      throw error
    } finally {
      reservation.settle(isPublished ? 'published' : 'nothing', sizeBytes)
    }
  }
}

/** The same index, whose manifests are also files. */
export function withManifestFiles(
  index: Index,
  files: ManifestFiles,
  indexDamaged: (sentence: string) => void,
): Index {
  let isTold = false
  return {
    ...index,
    async recordManifest(repository, manifest) {
      await index.recordManifest(repository, manifest)
      files.keep(manifest)
    },
    async findManifest(digest) {
      try {
        return (await index.findManifest(digest)) ?? (await files.find(digest))
      } catch (error) {
        if (!(error instanceof StoreError && error.kind === 'corrupt-index')) throw error
        const found = await files.find(digest).catch(() => undefined)
        if (!found) throw error
        if (!isTold) indexDamaged(error.message)
        isTold = true
        return found
      }
    },
  }
}
