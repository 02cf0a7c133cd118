// When content was last used, and which tags clients asked for, gathered and written in batches: a hit
// writes nothing.

import { isNamedAfterDigest } from '../oci/cosign-tags.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import type { Index, TagUse } from '../store/index-port.ts'

/** What a crash may forget; eviction works with days. */
const FLUSH_EVERY_MS = 30_000
/** A busy mirror writes earlier rather than gather more. */
const GATHERED_MAX = 10_000

export class Uses {
  readonly #index: Index
  readonly #now: () => number
  readonly #timer: NodeJS.Timeout
  #gathered = new Map<Digest, number>()
  #tags = new Map<string, TagUse>()

  constructor(index: Index, now: () => number) {
    this.#index = index
    this.#now = now
    this.#timer = setInterval(() => void this.flush(), FLUSH_EVERY_MS)
    this.#timer.unref()
  }

  note(digest: Digest): void {
    this.#gathered.set(digest, this.#now())
    this.#flushIfMany()
  }

  /** A client was answered. Who verifies an image gets its signature by a tag, and pulls no other image. */
  noteTag(repository: Repository, tag: Tag): void {
    if (isNamedAfterDigest(tag)) return
    this.#tags.set(imageName(repository, { tag }), { repository, tag, usedAt: this.#now() })
    this.#flushIfMany()
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  /** A batch that cannot be written is forgotten: what is used is used again. */
  async flush(): Promise<void> {
    if (this.#gathered.size + this.#tags.size === 0) return
    const [uses, tags] = [[...this.#gathered], [...this.#tags.values()]]
    this.#gathered = new Map()
    this.#tags = new Map()
    await this.#index.recordUses(uses, tags).catch(() => undefined)
  }

  #flushIfMany(): void {
    if (this.#gathered.size + this.#tags.size >= GATHERED_MAX) void this.flush()
  }
}
