// When content was last used, gathered and written in batches: a hit writes nothing.

import type { Digest } from '../oci/digest.ts'
import type { Index } from '../store/index-port.ts'

/** What a crash may forget; eviction works with days. */
const FLUSH_EVERY_MS = 30_000
/** A busy mirror writes earlier rather than gather more. */
const GATHERED_MAX = 10_000

export class Uses {
  readonly #index: Index
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  #gathered = new Map<Digest, number>()

  constructor(index: Index, now: () => number) {
    this.#index = index
    this.#now = now
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS)
    this.#timer.unref()
  }

  note(digest: Digest): void {
    this.#gathered.set(digest, this.#now())
    if (this.#gathered.size >= GATHERED_MAX) void this.flush()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  /** A batch that cannot be written is forgotten: what is used is used again. */
  async flush(): Promise<void> {
    if (this.#gathered.size === 0) return
    const uses = [...this.#gathered]
    this.#gathered = new Map()
    await this.#index.recordUses(uses).catch(() => undefined)
  }
}
