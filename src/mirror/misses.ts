// What upstream was just asked, or just seen not to have, so that it is not asked again at once.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'

/** More than a scan of unknown names needs; each entry is a name and a time. */
const ENTRIES_MAX = 10_000

export class Misses {
  readonly #entries: LRUCache<string, number>
  readonly #forMs: number
  readonly #now: () => number

  constructor(forMs: number, now: () => number) {
    this.#entries = boundedMap(ENTRIES_MAX)
    this.#forMs = forMs
    this.#now = now
  }

  add(key: string): void {
    this.#entries.set(key, this.#now())
  }

  has(key: string): boolean {
    const since = this.#entries.get(key)
    return since !== undefined && this.#now() - since < this.#forMs
  }
}
