// Which bytes of a staged file are there, and how that survives the end of the process.

import { addExtent, extentBytes, extentEnd, gapAfter } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import type { StagedBlob } from '../store/blob-store.ts'

/** How often the note of what is there is renewed: what a killed process fetches again at most. */
const NOTE_EVERY_BYTES = 512 * 1024
/** How often the file is synced: what a power loss costs at most. */
const SYNC_EVERY_BYTES = 64 * 1024 * 1024

/** Where one upstream request is to write: from `start` to `end`, or to wherever the content ends. */
export interface Gap {
  readonly start: number
  readonly end: number | undefined
}

export class Progress {
  readonly #staged: StagedBlob
  #extents: readonly Extent[] = []
  #notedBytes = 0
  #syncedBytes = 0
  #syncing: Promise<void> | undefined

  constructor(staged: StagedBlob) {
    this.#staged = staged
  }

  /** Takes up what an earlier attempt left. */
  resume(): void {
    this.#extents = this.#staged.extents
    this.#notedBytes = this.#syncedBytes = this.bytes
  }

  get bytes(): number {
    return extentBytes(this.#extents)
  }

  /** Everything below it is there: how far a reader of the whole and the hash can go. */
  get frontier(): number {
    return extentEnd(this.#extents, 0)
  }

  /** How far the bytes from `position` on go; `position` itself where there are none. */
  endFrom(position: number): number {
    return extentEnd(this.#extents, position)
  }

  /** The first bytes that are missing. */
  gap(): Gap {
    return gapAfter(this.#extents, 0)
  }

  /** Where bytes that lie ahead of `position` begin, if any do. */
  nextAfter(position: number): number | undefined {
    return this.#extents.find((extent) => extent.start > position)?.start
  }

  /** These bytes have been written. */
  add(start: number, end: number, totalBytes: number | undefined): void {
    this.#extents = addExtent(this.#extents, { start, end })
    const isSyncDue = this.bytes - this.#syncedBytes >= SYNC_EVERY_BYTES && !this.#syncing
    if (isSyncDue || this.bytes - this.#notedBytes >= NOTE_EVERY_BYTES) this.note(totalBytes)
    if (!isSyncDue) return
    this.#syncedBytes = this.bytes
    // A sync that fails here fails again at publishing, where it is told.
    this.#syncing = this.#staged
      .sync()
      .catch(() => undefined)
      .finally(() => (this.#syncing = undefined))
  }

  note(totalBytes: number | undefined): void {
    this.#notedBytes = this.bytes
    this.#staged.note(this.#extents, totalBytes)
  }

  /** Resolves when no sync is running. */
  async settled(): Promise<void> {
    await this.#syncing
  }
}
