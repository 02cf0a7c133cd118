// The room that the store has: given to downloads, and made by evicting what was not used for longest.

import { within } from '../lib/within.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference, Repository } from '../oci/name.ts'
import type { BlobStore, KeptFile } from '../store/blob-store.ts'
import type { Index } from '../store/index-port.ts'
import type { IndexReader, KeptPage, ListedPin } from '../store/reader-port.ts'
import {
  capacityBytes,
  defaultMinFree,
  downloadBytes,
  evictableBytes,
  excessBytes,
  lowWaterBytes,
  overSize,
  pinnableOf,
} from './budget.ts'
import type { Limits, Taken } from './budget.ts'
import type { CareEvents, Gone } from './events.ts'
import { addTo, Evictor, nothing } from './evictor.ts'
import type { Steps } from './evictor.ts'
import { Ledger } from './ledger.ts'
import type { Held } from './ledger.ts'
import type { Pinnable, Reservation, Room } from './room-port.ts'

/** How long a pull waits for room before it is passed through. */
const WAIT_MS = 10_000
/** What is being read may be let go of meanwhile. */
const TRY_AGAIN_MS = 500
/** Whether others filled the disk, or the index grew. */
const CHECK_EVERY_MS = 60_000
const SWEEP_EVERY_MS = 3_600_000
const PINNED_FRESH_MS = 60_000
const REPORT_WAIT_MS = 1000
/** Nobody resumes a download that was broken off longer ago. */
export const PARKED_KEPT_MS = 7 * 86_400_000

/** What the store may take, as it was configured. */
export interface Space {
  readonly maxBytes: number | undefined
  readonly minFreeBytes: number | undefined
  readonly keepUntaggedMs: number | undefined
}

export interface RoomOptions {
  readonly index: Index
  /** Long lists are counted there, and hold up no pull. */
  readonly reader: Pick<IndexReader, 'pinnedBytes' | 'keptByLists'>
  readonly store: BlobStore
  readonly space: Space
  readonly events: CareEvents
  /** Last uses that the index has not been told yet. */
  readonly flushUses: () => Promise<void>
  readonly now: () => number
}

/** For whoever looks. */
export interface RoomReport {
  readonly limits: Limits
  readonly taken: Taken
  /** How much more content fits; negative: so much is too much. Undefined where nothing limits it. */
  readonly leftBytes: number | undefined
  /** The most that one download may take, were all else evicted. */
  readonly capacityBytes: number
}

/** What is too much, and what an eviction would have to spare. */
export interface Outlook {
  readonly excessBytes: number
  /** Of that, what is more than the store's own limit allows; negative: nothing. */
  readonly overSizeBytes: number
  readonly quarantined: readonly KeptFile<string>[]
  /** What is being downloaded. */
  readonly filling: readonly Digest[]
  /** Content that stays, whatever happens to its image. */
  readonly inUse: readonly Digest[]
}

interface Pinned {
  readonly bytes: number
  readonly at: number
  /** Undefined where it could not be counted. */
  readonly version: number | undefined
}

export class StoreRoom implements Room {
  readonly evictor: Evictor
  readonly #options: RoomOptions
  readonly #ledger: Ledger
  readonly #limits: Promise<Limits>
  #timers: readonly NodeJS.Timeout[] = []
  #turn: Promise<unknown> = Promise.resolve()
  #changed = Promise.withResolvers<void>()
  #pinned: Pinned | undefined
  #isClosed = false
  #isCounted = false

  constructor(options: RoomOptions) {
    this.#options = options
    this.#ledger = new Ledger(options.index, options.store)
    this.evictor = new Evictor({ ...options, ledger: this.#ledger })
    this.#limits = this.#open()
    this.#limits.catch(() => undefined)
  }

  /** Evicts by itself from here on: whoever only looks at the store does not start this. */
  start(): void {
    this.#timers = [
      setInterval(() => void this.check(), CHECK_EVERY_MS),
      setInterval(() => void this.#sweep(), SWEEP_EVERY_MS),
    ]
    for (const timer of this.#timers) timer.unref()
    // A store that an earlier version filled is brought under its limit from the start.
    void this.check()
  }

  async reserve(digest: Digest, bytes: number, how?: 'at-once'): Promise<Reservation | undefined> {
    const held: Held = { digest, bytes: 0, writtenBytes: 0 }
    const isGiven =
      how === 'at-once'
        ? await this.#inGoodOrder(() => this.#take(held, downloadBytes(bytes)))
        : !(await this.#isUncounted()) && (await this.#enlarge(held, bytes))
    if (isGiven !== true) return undefined
    return {
      grow: (wanted) => this.#enlarge(held, wanted),
      settle: (left, leftBytes) => {
        const parkedBytes = left === 'parked' ? leftBytes : undefined
        this.#ledger.letGo(held, parkedBytes, this.#options.now())
        this.#change()
      },
    }
  }

  use(digest: Digest): () => void {
    this.#ledger.use(digest)
    return () => this.#ledger.unuse(digest)
  }

  removing(digest: Digest): Promise<void> | undefined {
    return this.#ledger.leaving(digest)
  }

  async pinnable(): Promise<Pinnable | undefined> {
    const { reader, now } = this.#options
    return await this.#inGoodOrder(async () => {
      await this.#endPins(now())
      const { limits, taken } = await this.#look()
      const share = pinnableOf(limits, taken)
      if (!share) return undefined
      const kept: ListedPin[] = []
      let page: KeptPage | undefined
      do {
        page = await reader.keptByLists(page?.next)
        kept.push(...page.pins)
      } while (page.next)
      return { ...share, kept }
    })
  }

  async report(): Promise<RoomReport> {
    const limits = await this.#limits
    const taken = await this.#ledger.taken()
    const left = -excessBytes(limits, taken)
    return {
      limits,
      taken,
      leftBytes: left === Infinity ? undefined : left,
      capacityBytes: capacityBytes(limits, taken, await this.#pinnedBytesSoon()),
    }
  }

  /** A tag or a manifest of a repository, and what nothing else uses. Undefined where it is not known. */
  async remove(
    repository: Repository,
    reference: Reference,
  ): Promise<{ readonly freedBytes: number } | undefined> {
    return await this.#inTurn(async () => {
      const removed = await this.#options.index.remove(repository, reference, this.#ledger.inUse)
      return removed && (await this.evictor.unlink(removed))
    })
  }

  /** Downloads kept for resuming since before then. */
  parkedBefore(before: number): readonly KeptFile<Digest>[] {
    const inUse = new Set(this.#ledger.inUse)
    return [...this.#ledger.parked.values()]
      .filter(({ name, changedAt }) => changedAt < before && !inUse.has(name))
      .toSorted((a, b) => a.changedAt - b.changedAt)
  }

  /** Step by step, so that who needs room meanwhile gets it in between. */
  async runSteps(steps: Steps, onGone: (gone: Gone) => void, signal?: AbortSignal): Promise<void> {
    while (!this.#isClosed && !signal?.aborted) {
      const step = await this.#inTurn(() => steps.next())
      if (step.done) return
      onGone(step.value)
    }
    await steps.return()
  }

  /** Evicts what is too much, also where nobody needs room. */
  async check(): Promise<void> {
    await this.#inGoodOrder(async () => {
      // Somebody may have taken out what was kept to be looked at.
      await this.#options.store.quarantined()
      await this.#bringUnder()
    })
  }

  /** Until nothing is too much, or nothing may go; yields what goes. */
  async *excess(): Steps {
    const { limits, taken } = await this.#look()
    let freedBytes = 0
    const excess = async (): Promise<number> => (await this.#lookAfter(taken, freedBytes)).excess
    for await (const gone of this.evictor.unused()) {
      freedBytes += gone.freedBytes
      yield gone
      if ((await excess()) <= 0) return
    }
    // For want of room on a disk that others fill, what is in use is not taken from its users.
    const tooMuch = async (): Promise<number> => overSize(limits, await this.#takenAfter(taken, 0))
    if ((await tooMuch()) <= 0) return
    for await (const gone of this.evictor.lastResort()) {
      yield gone
      if ((await tooMuch()) <= 0) return
    }
  }

  /** What is too much, now. */
  async excessBytes(): Promise<number> {
    return (await this.#look()).excess
  }

  /** The same for who only wants to know what would go. */
  async outlook(): Promise<Outlook> {
    await this.evictor.prepare()
    const { limits, taken, excess } = await this.#look()
    return {
      excessBytes: excess,
      overSizeBytes: overSize(limits, taken),
      quarantined: await this.evictor.quarantined(),
      filling: this.#ledger.filling,
      inUse: this.#ledger.inUse,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const timer of this.#timers) clearInterval(timer)
    this.#change()
    await this.#turn
  }

  async #open(): Promise<Limits> {
    const { store, space } = this.#options
    await this.#ledger.open()
    const { maxBytes, minFreeBytes } = space
    const disk = await store.disk()
    return { maxBytes, minFreeBytes: minFreeBytes ?? defaultMinFree(disk?.totalBytes ?? 0) }
  }

  /** A new index does not know yet how much is stored: until it does, no limit could be kept. */
  async #isUncounted(): Promise<boolean> {
    if (this.#isCounted || this.#options.space.maxBytes === undefined) return false
    const check = await this.#inGoodOrder(() => this.#options.index.pendingCheck())
    this.#isCounted = check?.kind !== 'rebuild'
    return !this.#isCounted
  }

  async #enlarge(held: Held, bytes: number): Promise<boolean> {
    const wanted = downloadBytes(bytes)
    const deadline = Date.now() + WAIT_MS
    const given = await this.#inGoodOrder(async () => {
      if (await this.#take(held, wanted)) return true
      return await this.#inTurn(() => this.#makeRoom(held, wanted, deadline))
    })
    return given ?? false
  }

  /** What fits at once waits for nobody. From the look to the taking nothing else comes in between. */
  async #take(held: Held, wanted: number): Promise<boolean> {
    await this.removing(held.digest)
    const { limits, taken } = await this.#look()
    // What is parked of it is just being removed.
    if (this.removing(held.digest)) return await this.#take(held, wanted)
    const fits = excessBytes(limits, taken, this.#ledger.missingBytes(held, wanted)) <= 0
    if (fits) this.#ledger.hold(held, wanted)
    return fits
  }

  async #makeRoom(held: Held, wanted: number, deadline: number): Promise<boolean> {
    if (await this.#take(held, wanted)) return true
    if (await this.#isTooLarge(wanted, await this.#pinnedBytes())) return false
    // Lists may keep more by now: for what cannot fit nothing goes, and nobody waits.
    const pinned = await this.#pinnedBytes('as-of-now')
    if (await this.#isTooLarge(wanted, pinned)) return false
    // Its own parked bytes are not what makes room for it.
    const release = this.use(held.digest)
    const gone = nothing()
    try {
      while (Date.now() < deadline && !this.#isClosed) {
        const changed = this.#changed.promise
        const isDone = await this.#evictFor(held, wanted, deadline, pinned, gone)
        if (isDone) return true
        await within(Math.min(TRY_AGAIN_MS, Math.max(0, deadline - Date.now())), changed)
      }
      return false
    } finally {
      release()
      if (gone.freedBytes > 0) {
        this.#options.events.evicted(gone, `room was needed for ${held.digest}`)
      }
    }
  }

  /** It would not fit were all else evicted. */
  async #isTooLarge(wanted: number, pinned: number): Promise<boolean> {
    const { limits, taken } = await this.#look()
    return wanted > capacityBytes(limits, taken, pinned)
  }

  /** False where what may go is not enough: then downloads have to end first. */
  async #evictFor(
    held: Held,
    wanted: number,
    deadline: number,
    pinned: number,
    gone: Gone,
  ): Promise<boolean> {
    const { limits, taken: before } = await this.#look()
    const more = (): number => this.#ledger.missingBytes(held, wanted)
    if (excessBytes(limits, before, more()) > evictableBytes(before, pinned)) return false
    const start = gone.freedBytes
    const excess = async (): Promise<number> =>
      (await this.#lookAfter(before, gone.freedBytes - start)).excess + more()
    const spare = lowWaterBytes(limits, before)
    for (const [steps, target] of [
      [this.evictor.unused(), -spare],
      [this.evictor.lastResort(), 0],
    ] as const) {
      if ((await excess()) <= 0) break
      for await (const each of steps) {
        addTo(gone, each)
        if (Date.now() > deadline || (await excess()) <= target) break
      }
    }
    // A disk may tell late what was freed on it.
    if ((await excess()) > 0) return false
    this.#ledger.hold(held, wanted)
    return true
  }

  async #bringUnder(): Promise<void> {
    if ((await this.excessBytes()) <= 0) return
    const gone = nothing()
    await this.runSteps(this.excess(), (each) => addTo(gone, each))
    const { limits, taken } = await this.#look()
    const isSize = overSize(limits, taken) + gone.freedBytes > 0
    if (gone.freedBytes === 0) return
    const because = isSize
      ? 'more was stored than --max-size allows'
      : 'the disk had too little free'
    this.#options.events.evicted(gone, because)
  }

  async #sweep(): Promise<void> {
    const { now, space, events } = this.#options
    const gone = nothing()
    const add = (each: Gone): void => addTo(gone, each)
    await this.#inGoodOrder(async () => {
      await this.runSteps(this.evictor.parked(now() - PARKED_KEPT_MS), add)
      if (space.keepUntaggedMs === undefined) return
      await this.runSteps(this.evictor.untagged(now() - space.keepUntaggedMs), add)
    })
    if (gone.images + gone.downloads > 0) {
      events.evicted(gone, 'nobody resumed them, or no tag points to them any more')
    }
  }

  /** One at a time decides what goes. */
  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(run)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async #look(): Promise<{ limits: Limits; taken: Taken; excess: number }> {
    const limits = await this.#limits
    const taken = await this.#ledger.taken()
    return { limits, taken, excess: excessBytes(limits, taken) }
  }

  async #lookAfter(before: Taken, freedBytes: number): Promise<{ excess: number }> {
    const limits = await this.#limits
    return { excess: excessBytes(limits, await this.#takenAfter(before, freedBytes)) }
  }

  /**
   * What was removed counts as free at once: some filesystems free it some time later, and the disk is
   * not asked at every step.
   */
  async #takenAfter({ freeBytes: free }: Taken, freedBytes: number): Promise<Taken> {
    const freeBytes = free === undefined ? undefined : free + freedBytes
    return await this.#ledger.taken({ freeBytes })
  }

  /** For who only tells of it: what was known last where counting takes long. */
  async #pinnedBytesSoon(): Promise<number> {
    const bytes = await within(REPORT_WAIT_MS, this.#pinnedBytes())
    return bytes === 'slow' ? (this.#pinned?.bytes ?? 0) : bytes
  }

  /** As of a while ago, or with all that was pinned since: to count long lists takes some time. */
  async #pinnedBytes(how?: 'as-of-now'): Promise<number> {
    const { index, reader, now } = this.#options
    const at = now()
    const known = this.#pinned
    const isFresh = known !== undefined && at - known.at <= PINNED_FRESH_MS
    if (isFresh && (how === undefined || known.version === undefined)) return known.bytes
    await this.#endPins(at)
    const version = await index.pinsVersion().catch(() => undefined)
    // The reader is a worker of its own, which a store without pins need not begin.
    if (version === 0) return 0
    if (isFresh && known.version === version) return known.bytes
    // The reader may fail for as long as this process lives: too little only means trying more.
    const uncounted = { bytes: known?.bytes ?? 0, at, version: undefined }
    this.#pinned = await reader.pinnedBytes().then(
      (bytes) => ({ bytes, at, version }),
      () => uncounted,
    )
    return this.#pinned.bytes
  }

  /** A disk that is full may not take it: then they count a little longer. */
  async #endPins(at: number): Promise<void> {
    await this.#options.index.endPins(at).catch(() => undefined)
  }

  #change(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  /** A store that fails makes no room, and breaks no pull. */
  async #inGoodOrder<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run()
    } catch (error) {
      if (!this.#isClosed) {
        const message = error instanceof Error ? error.message : String(error)
        this.#options.events.roomFailed(message)
      }
      return undefined
    }
  }
}
