// What clients got and what that cost, counted per registry and day and written in batches.

import type { Index, PullCount } from '../store/index-port.ts'

/** What a crash may forget. */
const FLUSH_EVERY_MS = 30_000
const DAY_MS = 24 * 3_600_000

/** How an answer came about, of a manifest or of a blob. */
export type AnsweredHow = 'hit' | 'revalidated' | 'join' | 'miss' | 'passed' | 'stale'

type Counted = Exclude<keyof PullCount, 'day' | 'registry'>

type Count = { -readonly [Name in keyof PullCount]: PullCount[Name] }

export class Counts {
  readonly #index: Index
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  #gathered = new Map<string, Count>()
  /** In UTC, whose days are all as long. */
  #day = { number: NaN, name: '' }

  constructor(index: Index, now: () => number) {
    this.#index = index
    this.#now = now
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS)
    this.#timer.unref()
  }

  answered(registry: string, how: AnsweredHow): void {
    this.#add(registry, KINDS[how], 1)
  }

  sent(registry: string, bytes: number): void {
    this.#add(registry, 'servedBytes', bytes)
  }

  fetched(registry: string, bytes: number): void {
    this.#add(registry, 'fetchedBytes', bytes)
  }

  #add(registry: string, what: Counted, count: number): void {
    const day = this.#today()
    const key = `${day} ${registry}`
    let row = this.#gathered.get(key)
    if (!row) this.#gathered.set(key, (row = { day, registry, ...NOTHING }))
    row[what] += count
  }

  /** A date is put into words once a day: for each answer that was 4 % of its time. */
  #today(): string {
    const number = Math.floor(this.#now() / DAY_MS)
    if (this.#day.number !== number) {
      this.#day = { number, name: new Date(number * DAY_MS).toISOString().slice(0, 10) }
    }
    return this.#day.name
  }

  /** A batch that cannot be written is forgotten: no pull depends on it. */
  async flush(): Promise<void> {
    if (this.#gathered.size === 0) return
    const counts = [...this.#gathered.values()]
    this.#gathered = new Map()
    await this.#index.countPulls(counts).catch(() => undefined)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }
}

/** Upstream was asked whether it is still right, and the content was here; what passes through was not. */
const KINDS: Record<AnsweredHow, Counted> = {
  hit: 'hits',
  revalidated: 'hits',
  join: 'joins',
  miss: 'misses',
  passed: 'misses',
  stale: 'stale',
}

const NOTHING: Record<Counted, number> = {
  hits: 0,
  joins: 0,
  misses: 0,
  stale: 0,
  servedBytes: 0,
  fetchedBytes: 0,
}
