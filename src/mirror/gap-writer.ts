// Writes one upstream body into the staged file: while one write runs, the next chunks gather.

import { setImmediate as endOfTurn } from 'node:timers/promises'
import { giveBack } from '../lib/receive-slabs.ts'
import type { StagedBlob } from '../store/blob-store.ts'

/**
 * Received but not yet written, or written and its note awaited; past it the upstream connection waits.
 * With 192 KiB a cold pull cost 4.4 CPU s/GB instead of 4.1. The streams before it (flowing.ts) hold up
 * to as much again, and with what is not noted (progress.ts) all of it is less than the 1 MiB that a
 * killed process may fetch again.
 */
const UNWRITTEN_BYTES_MAX = 384 * 1024

/** Called after each write with the range that readers may read now; what it gives is awaited. */
export type Arrived = (from: number, to: number) => Promise<void> | undefined

export class GapWriter {
  readonly #staged: StagedBlob
  readonly #arrived: Arrived
  #position: number
  #unwritten: Uint8Array[] = []
  #unwrittenBytes = 0
  #writing: Promise<void> | undefined
  #failure: Error | undefined

  constructor(staged: StagedBlob, start: number, arrived: Arrived) {
    this.#staged = staged
    this.#position = start
    this.#arrived = arrived
  }

  /** Throws StoreError when an earlier write has failed. */
  async add(chunk: Uint8Array): Promise<void> {
    this.#throwFailure()
    this.#unwritten.push(chunk)
    this.#unwrittenBytes += chunk.byteLength
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
    if (this.#unwrittenBytes >= UNWRITTEN_BYTES_MAX) await this.flushed()
  }

  /** Resolves when everything added is written; throws StoreError when it could not be. */
  async flushed(): Promise<void> {
    await this.#writing
    this.#throwFailure()
  }

  async #write(): Promise<void> {
    try {
      while (this.#unwritten.length > 0) {
        // With what else has come in by now: each write is a turn through the I/O threads, and so is
        // each step of the readers that follow it.
        await endOfTurn()
        const chunks = this.#unwritten.splice(0)
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)
        await this.#staged.write(this.#position, chunks)
        for (const chunk of chunks) giveBack(chunk)
        const from = this.#position
        this.#position += bytes
        await this.#arrived(from, this.#position)
        this.#unwrittenBytes -= bytes
      }
    } catch (error) {
      this.#failure = error as Error
    }
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure
  }
}
