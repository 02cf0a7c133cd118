// What the store's room is taken by: counted in memory where this process knows it, measured where not.

import type { Digest } from '../oci/digest.ts'
import type { BlobStore, KeptFile } from '../store/blob-store.ts'
import type { Index, StoreUsage } from '../store/index-port.ts'
import { downloadBytes } from './budget.ts'
import type { Taken } from './budget.ts'

/** A download under way. */
export interface Held {
  readonly digest: Digest
  /** On disk, when all of it is there. */
  bytes: number
  /** What was on disk when it was last looked at. */
  writtenBytes: number
}

/** What had to be asked for. */
export interface Measured extends StoreUsage {
  readonly quarantinedBytes: number
  readonly freeBytes: number | undefined
}

interface Leaving {
  readonly bytes: number
  readonly gone: Promise<void>
}

export class Ledger {
  /** Oldest first as far as they were parked by this process. */
  readonly parked = new Map<Digest, KeptFile<Digest>>()
  readonly #index: Index
  readonly #store: BlobStore
  readonly #held = new Set<Held>()
  /** How many have been let go. */
  #lettings = 0
  readonly #used = new Map<Digest, number>()
  readonly #leaving = new Map<Digest, Leaving>()

  constructor(index: Index, store: BlobStore) {
    this.#index = index
    this.#store = store
  }

  /** What earlier downloads left. */
  async open(): Promise<void> {
    const staged = await this.#store.staged()
    const isUnderWay = new Set([...this.#held].map(({ digest }) => digest))
    for (const file of staged.toSorted((a, b) => a.changedAt - b.changedAt)) {
      if (!isUnderWay.has(file.name)) this.parked.set(file.name, file)
    }
  }

  /**
   * What is asked is asked at once: a download waits for it. The answers of the index come in order, so
   * whatever is published after this one was given is still held here; where the disk took longer to
   * tell and some of it was let go meanwhile, the index is asked again. `disk`: as far as it is known
   * already.
   */
  async taken(disk?: { readonly freeBytes: number | undefined }): Promise<Taken> {
    const [indexed, { freeBytes } = {}, quarantinedBytes] = await Promise.all([
      this.#index.usage().then((usage) => ({ usage, lettings: this.#lettings })),
      disk ?? this.#measureDisk(),
      this.#store.quarantinedBytes(),
    ])
    // From here on at once, or what is let go now would be counted nowhere.
    const isLasting = indexed.lettings === this.#lettings
    const usage = isLasting ? indexed.usage : await this.#index.usage()
    return this.#sum({ ...usage, quarantinedBytes, freeBytes })
  }

  #sum(measured: Measured): Taken {
    const held = [...this.#held]
    const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0)
    return {
      ...measured,
      parkedBytes: sum([...this.parked.values()].map(({ diskBytes }) => diskBytes)),
      leavingBytes: sum([...this.#leaving.values()].map(({ bytes }) => bytes)),
      reservedBytes: sum(held.map(({ bytes }) => bytes)),
      unwrittenBytes: sum(held.map((each) => Math.max(0, each.bytes - each.writtenBytes))),
    }
  }

  /** What of the wanted size is not counted yet. */
  missingBytes(held: Held, wantedBytes: number): number {
    const { diskBytes = 0 } = this.parked.get(held.digest) ?? {}
    return wantedBytes - Math.max(held.bytes, diskBytes)
  }

  hold(held: Held, bytes: number): void {
    const { diskBytes = 0 } = this.parked.get(held.digest) ?? {}
    this.parked.delete(held.digest)
    held.bytes = Math.max(held.bytes, bytes, diskBytes)
    held.writtenBytes = Math.max(held.writtenBytes, diskBytes)
    this.#held.add(held)
  }

  letGo(held: Held, parkedBytes: number | undefined, now: number): void {
    this.#held.delete(held)
    this.#lettings += 1
    if (parkedBytes === undefined) return
    const { digest } = held
    this.parked.set(digest, {
      name: digest,
      diskBytes: downloadBytes(parkedBytes),
      changedAt: now,
    })
  }

  use(digest: Digest): void {
    this.#used.set(digest, (this.#used.get(digest) ?? 0) + 1)
  }

  unuse(digest: Digest): void {
    const left = (this.#used.get(digest) ?? 1) - 1
    if (left > 0) this.#used.set(digest, left)
    else this.#used.delete(digest)
  }

  /** What is being downloaded. */
  get filling(): readonly Digest[] {
    return [...this.#held].map(({ digest }) => digest)
  }

  /** What may not be removed now. */
  get inUse(): readonly Digest[] {
    return [...this.#used.keys(), ...this.filling]
  }

  leave(digest: Digest, bytes: number, gone: Promise<void>): void {
    const leaving = { bytes, gone }
    this.#leaving.set(digest, leaving)
    const end = (): void => {
      if (this.#leaving.get(digest) === leaving) this.#leaving.delete(digest)
    }
    gone.then(end, end)
  }

  leaving(digest: Digest): Promise<void> | undefined {
    return this.#leaving.get(digest)?.gone
  }

  /** What is written first: what comes to be written meanwhile is then counted twice, never not at all. */
  async #measureDisk(): Promise<{ readonly freeBytes: number } | undefined> {
    await Promise.all(
      [...this.#held].map(async (held) => {
        held.writtenBytes = await this.#store.stagedBytes(held.digest)
      }),
    )
    return await this.#store.disk()
  }
}
