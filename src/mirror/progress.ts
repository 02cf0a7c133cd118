// Which bytes of a staged file are there, and how that survives the end of the process.

import { addExtent, extentBytes, extentEnd, gapAfter } from '../lib/extents.ts'
import type { Extent } from '../lib/extents.ts'
import type { StagedBlob } from '../store/blob-store.ts'

/** How often the note of what is there is renewed. */
const NOTE_EVERY_BYTES = 128 * 1024
/**
 * Written and not in the note yet; past it writing waits. With what has been received and waits to be
 * written (gap-writer.ts) it makes less than the 1 MiB that a killed process may fetch again.
 */
const UNNOTED_BYTES_MAX = 128 * 1024
/** How often the file is synced: early, so that a sync is over before anything has to wait for it. */
const SYNC_EVERY_BYTES = 16 * 1024 * 1024
/** Written and not synced yet; past it writing waits. A power loss may cost 64 MiB. */
const UNSYNCED_BYTES_MAX = 62 * 1024 * 1024

/** Where one upstream request is to write: from `start` to `end`, or to wherever the content ends. */
export interface Gap {
  readonly start: number
  readonly end: number | undefined
}

export class Progress {
  readonly #staged: StagedBlob
  #extents: readonly Extent[] = []
  /** How much there was when the last note was asked for, and when the last written one was. */
  #noteBegunBytes = 0
  #notedBytes = 0
  #noting: Promise<void> | undefined
  #syncBegunBytes = 0
  #syncedBytes = 0
  #syncing: Promise<void> | undefined
  #syncFailure: Error | undefined

  constructor(staged: StagedBlob) {
    this.#staged = staged
  }

  /** Takes up what an earlier attempt left: noted it is, but a sync of it may never have ended. */
  resume(): void {
    this.#extents = this.#staged.extents
    this.#noteBegunBytes = this.#notedBytes = this.bytes
  }

  get extents(): readonly Extent[] {
    return this.#extents
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

  /** These bytes have been written; what it gives is awaited before more are. */
  add(start: number, end: number, totalBytes: number | undefined): Promise<void> | undefined {
    this.#extents = addExtent(this.#extents, { start, end })
    if (this.#staged.isNoted) this.#noteBegunBytes = this.#notedBytes = this.bytes
    const isSyncDue = this.bytes - this.#syncBegunBytes >= SYNC_EVERY_BYTES && !this.#syncing
    const isNoteDue = this.bytes - this.#noteBegunBytes >= NOTE_EVERY_BYTES
    if (isSyncDue || isNoteDue) this.note(totalBytes)
    if (isSyncDue) this.#sync()
    if (this.bytes - this.#syncedBytes >= UNSYNCED_BYTES_MAX) return this.#syncing
    if (this.bytes - this.#notedBytes >= UNNOTED_BYTES_MAX) return this.#noting
    return undefined
  }

  note(totalBytes: number | undefined): void {
    const covered = this.bytes
    this.#noteBegunBytes = covered
    this.#noting = this.#staged
      .note(this.#extents, totalBytes)
      .then(() => void (this.#notedBytes = covered))
  }

  #sync(): void {
    const covered = this.bytes
    this.#syncBegunBytes = covered
    this.#syncing = this.#staged
      .sync()
      .catch((error: unknown) => void (this.#syncFailure ??= error as Error))
      .finally(() => {
        this.#syncedBytes = covered
        this.#syncing = undefined
      })
  }

  /**
   * Resolves when no sync is running, with what one has failed with: the system tells that once, and the
   * next sync would succeed without the bytes.
   */
  async settled(): Promise<Error | undefined> {
    await this.#syncing
    return this.#syncFailure
  }
}
