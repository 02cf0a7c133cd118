// Bytes of the disk that are kept for removing things. On a full disk what frees it comes first to a
// stop: a row goes before its file, and SQLite's log has no byte to grow into. Runs in the index worker.

import { randomFillSync } from 'node:crypto'
import { statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import type { Layout } from './layout.ts'

/** Removing an image changes some hundred pages of the index. */
export const RESERVE_BYTES = 2 * 1024 * 1024
/** What opening takes at least: SQLite's shared memory, the owner's note and socket. */
const OPENING_BYTES = 256 * 1024
/** Made again only where the disk has this much: what is freed is for others too. */
const REFILL_FREE_BYTES = 2 * RESERVE_BYTES

export class Reserve {
  readonly #folder: string
  readonly #path: string
  #bytes: number

  constructor(layout: Layout) {
    this.#folder = layout.folder
    this.#path = layout.indexReserve
    this.#bytes = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Before the folder is used: a part of it where the disk has nothing left to open with. */
  open(): void {
    const left = this.#bytes - OPENING_BYTES
    if (left >= 0 && this.#freeBytes() < OPENING_BYTES) this.#cutTo(left)
    else this.refill()
  }

  /** All of it; false where there was none left. */
  spend(): boolean {
    if (this.#bytes === 0) return false
    this.#cutTo(0)
    return true
  }

  /** As soon as there is room again. That it is there promises nothing: no crash can make it wrong. */
  refill(): void {
    if (this.#bytes >= RESERVE_BYTES || this.#freeBytes() < REFILL_FREE_BYTES) return
    try {
      // No hole, and nothing that a file system could make smaller.
      writeFileSync(this.#path, randomFillSync(Buffer.allocUnsafe(RESERVE_BYTES)))
      this.#bytes = RESERVE_BYTES
    } catch {
      this.#cutTo(0)
    }
  }

  #cutTo(bytes: number): void {
    try {
      truncateSync(this.#path, bytes)
    } catch {
      // What cannot be cut is not there, or of no use.
    }
    this.#bytes = bytes
  }

  #freeBytes(): number {
    try {
      const { bavail, bsize } = statfsSync(this.#folder)
      return bavail * bsize
    } catch {
      return 0
    }
  }
}
