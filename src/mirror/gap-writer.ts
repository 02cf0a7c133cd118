// Writes one upstream body into the staged file: while one write runs, the next chunks gather.

import { setImmediate as endOfTurn } from 'node:timers/promises'
import { giveBack } from '../lib/receive-slabs.ts'
import { received } from '../lib/received-bytes.ts'
import type { StagedBlob } from '../store/blob-store.ts'

/**
 * Received but not yet written; past it the upstream connection waits. Room for one write, for one that
 * gathers, and for the chunk that goes past it. The streams before it hold up to three chunks more
 * (flowing.ts, receive-slabs.ts): all of it is less than the 1 MiB a connection that a killed process may
 * fetch again.
 * With 384 KiB for both, one after the other, a cold pull cost 3.9 CPU s/GB instead of 3.4.
 */
const UNWRITTEN_BYTES_MAX = 512 * 1024
/** The same where what is written has to be noted (progress.ts) before it counts as kept. */
const UNKEPT_BYTES_MAX = 384 * 1024
/**
 * While bytes come in as fast as they are written, each write waits for so many, but not for long: each
 * is a turn through the I/O threads, and so is each step of the readers that follow it.
 */
const WRITE_BYTES_MIN = 256 * 1024
const GATHER_MAX_MS = 2

/** Called after each write with the range that readers may read now; what it gives is awaited. */
export type Arrived = (from: number, to: number) => Promise<void> | undefined

export class GapWriter {
  readonly #staged: StagedBlob
  readonly #arrived: Arrived
  #position: number
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  /** With those being written, and those whose note is awaited. */
  readonly #held = received.holding()
  #isEnding = false
  #writing: Promise<void> | undefined
  #failure: Error | undefined
  #haveGathered: (() => void) | undefined
  #haveWritten: (() => void) | undefined

  constructor(staged: StagedBlob, start: number, arrived: Arrived) {
    this.#staged = staged
    this.#position = start
    this.#arrived = arrived
  }

  /** Throws StoreError when an earlier write has failed. */
  async add(chunk: Uint8Array): Promise<void> {
    this.#throwFailure()
    this.#gathered.push(chunk)
    this.#gatheredBytes += chunk.byteLength
    this.#held.add(chunk.byteLength)
    if (this.#isWorthWriting) this.#haveGathered?.()
    this.#writing ??= this.#write()
    while (this.#isFull) {
      await new Promise<void>((resolve) => (this.#haveWritten = resolve))
      this.#throwFailure()
    }
  }

  /** The last are added. Resolves when all are written; throws StoreError when they could not be. */
  async flushed(): Promise<void> {
    this.#isEnding = true
    this.#haveGathered?.()
    await this.#writing
    this.#throwFailure()
  }

  get #isFull(): boolean {
    return this.#held.isFull(this.#staged.isNoted ? UNWRITTEN_BYTES_MAX : UNKEPT_BYTES_MAX)
  }

  /** Where all downloads share what may be held, each writes its share. */
  get #isWorthWriting(): boolean {
    return this.#gatheredBytes >= WRITE_BYTES_MIN || this.#isFull
  }

  async #write(): Promise<void> {
    try {
      // With what else has come in by now.
      await endOfTurn()
      while (this.#gathered.length > 0) {
        await this.#writeGathered()
        this.#haveWritten?.()
        if (this.#gathered.length > 0) await this.#moreGathered()
      }
    } catch (error) {
      this.#failure = error as Error
      this.#held.end()
      this.#haveWritten?.()
    } finally {
      // At once: what is added from here on needs a write of its own.
      this.#writing = undefined
    }
  }

  async #writeGathered(): Promise<void> {
    const chunks = this.#gathered.splice(0)
    const bytes = this.#gatheredBytes
    this.#gatheredBytes = 0
    await this.#staged.write(this.#position, chunks)
    for (const chunk of chunks) giveBack(chunk)
    const from = this.#position
    this.#position += bytes
    await this.#arrived(from, this.#position)
    this.#held.remove(bytes)
  }

  async #moreGathered(): Promise<void> {
    if (this.#isEnding || this.#isWorthWriting) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, GATHER_MAX_MS)
      this.#haveGathered = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#haveGathered = undefined
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure
  }
}
