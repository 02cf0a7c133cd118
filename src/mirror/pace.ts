// How fast the downloads of runs of `warm` may go: each run as fast as its cap says, and all together next
// to nothing while a client's pull is being downloaded. What has to wait leaves its bytes unread, so that
// upstream sends no more of them and the link is the client's.

/** What a run may take beside live pulls, of what these get. */
const YIELDING_SHARE = 0.05
/** Enough that no connection looks dead, and that a pull that stalls does not stop the run. */
const YIELDING_BYTES_PER_SECOND = 64 * 1024
/** A pull asks for one blob after another: the gaps between them are not worth starting up in. */
const LIVE_LINGERS_MS = 1000

/** What live pulls get is measured over this, slot by slot. */
const RATE_SLOT_MS = 100
const RATE_SLOTS = 10

/** What is unused of the allowance is kept for so long. */
const BURST_SECONDS = 0.25
/** Rates change meanwhile, so nothing is waited for longer without another look. */
const LOOK_EVERY_MS = 100
const WAIT_MIN_MS = 5

/** Time that never goes back. */
export interface PaceClock {
  now(): number
  /** Calls back once; returns what calls it off. */
  after(ms: number, run: () => void): () => void
}

const CLOCK: PaceClock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
}

/** Of all downloads of one run together: the same object for each of them. */
export interface Cap {
  readonly bytesPerSecond: number
}

interface Turn {
  readonly download: object
  readonly cap: Cap | undefined
  readonly bytes: number
  readonly since: number
  readonly resolve: (waitedMs: number) => void
}

export class Pace {
  readonly #clock: PaceClock
  readonly #live = new Set<object>()
  readonly #slots: { readonly at: number; bytes: number }[] = []
  #liveUntilMs = -Infinity

  readonly #turns: Turn[] = []
  /** Of all runs together. */
  readonly #shared: Allowance
  readonly #capped = new WeakMap<Cap, Allowance>()
  #callOff: (() => void) | undefined

  constructor(clock: PaceClock = CLOCK) {
    this.#clock = clock
    this.#shared = new Allowance(clock.now())
  }

  /** A client waits for what this brings. It says so once, and again when that is over. */
  liveBegan(download: object): void {
    this.free(download)
    if (this.#live.has(download)) return
    this.#allow(undefined)
    this.#live.add(download)
  }

  liveEnded(download: object): void {
    if (!this.#live.delete(download)) return
    this.#liveUntilMs = this.#clock.now() + LIVE_LINGERS_MS
  }

  liveArrived(bytes: number): void {
    const at = Math.floor(this.#clock.now() / RATE_SLOT_MS)
    const last = this.#slots.at(-1)
    if (last?.at === at) last.bytes += bytes
    else this.#slots.push({ at, bytes })
    while ((this.#slots[0]?.at ?? at) <= at - RATE_SLOTS) this.#slots.shift()
  }

  /** Whether runs stand back for live pulls. */
  get isYielding(): boolean {
    return this.#live.size > 0 || this.#clock.now() < this.#liveUntilMs
  }

  /**
   * A download of a run has had so many bytes: resolves when it may have more, to how long that took.
   * Undefined: at once. Those of one run in the order they come, however much each has had.
   */
  take(download: object, bytes: number, cap: Cap | undefined): Promise<number> | undefined {
    if (this.#turns.length > 0) this.#serve()
    const isNext = this.#turns.every((turn) => turn.cap !== cap)
    if (isNext && this.#spend(bytes, cap)) return undefined
    return new Promise((resolve) => {
      this.#turns.push({ download, cap, bytes, since: this.#clock.now(), resolve })
      this.#serve()
    })
  }

  /** It need not wait: a client reads it now, another run wants it too, or it is over. */
  free(download: object): void {
    for (const [n, turn] of [...this.#turns.entries()].toReversed()) {
      if (turn.download !== download) continue
      this.#turns.splice(n, 1)
      this.#end(turn)
    }
  }

  #serve(): void {
    this.#callOff?.()
    this.#callOff = undefined
    // Whose run has used up what its cap allows keeps nobody else waiting.
    const spent = new Set<Cap | undefined>()
    for (const turn of [...this.#turns]) {
      if (spent.has(turn.cap)) continue
      if (!this.#spend(turn.bytes, turn.cap)) {
        spent.add(turn.cap)
        continue
      }
      this.#turns.splice(this.#turns.indexOf(turn), 1)
      this.#end(turn)
    }
    if (this.#turns.length === 0) return
    const waitMs = Math.min(...Array.from(spent, (cap) => this.#waitMs(cap)))
    const lookMs = Math.min(Math.max(waitMs, WAIT_MIN_MS), LOOK_EVERY_MS)
    this.#callOff = this.#clock.after(lookMs, () => this.#serve())
  }

  #end({ since, resolve }: Turn): void {
    resolve(this.#clock.now() - since)
  }

  /** Whether it was allowed. */
  #spend(bytes: number, cap: Cap | undefined): boolean {
    const allowances = this.#allow(cap)
    if (allowances.some(({ bytes }) => bytes <= 0)) return false
    for (const allowance of allowances) allowance.bytes -= bytes
    return true
  }

  #waitMs(cap: Cap | undefined): number {
    return Math.max(...this.#allow(cap).map(({ waitMs }) => waitMs))
  }

  /** What counts for a run, with what the time since the last look adds. */
  #allow(cap: Cap | undefined): readonly Allowance[] {
    const now = this.#clock.now()
    this.#shared.add(now, this.#sharedBytesPerSecond())
    if (cap === undefined) return [this.#shared]
    const own = this.#capped.get(cap) ?? new Allowance(now)
    this.#capped.set(cap, own)
    own.add(now, cap.bytesPerSecond)
    return [this.#shared, own]
  }

  #sharedBytesPerSecond(): number {
    if (!this.isYielding) return Infinity
    const share = this.#liveBytesPerSecond() * YIELDING_SHARE
    return Math.max(share, YIELDING_BYTES_PER_SECOND)
  }

  #liveBytesPerSecond(): number {
    const since = Math.floor(this.#clock.now() / RATE_SLOT_MS) - RATE_SLOTS
    const recent = this.#slots.filter(({ at }) => at > since)
    const bytes = recent.reduce((sum, slot) => sum + slot.bytes, 0)
    return (bytes / (RATE_SLOTS * RATE_SLOT_MS)) * 1000
  }
}

/** What may be had by now at a rate that may change. */
class Allowance {
  /** Below zero: so much was taken ahead, and has to be waited for. */
  bytes = 0
  #rate = Infinity
  #atMs: number

  constructor(atMs: number) {
    this.#atMs = atMs
  }

  add(nowMs: number, bytesPerSecond: number): void {
    const seconds = (nowMs - this.#atMs) / 1000
    this.#atMs = nowMs
    this.#rate = bytesPerSecond
    if (bytesPerSecond === Infinity) {
      this.bytes = Infinity
      return
    }
    // Nothing is owed, or saved, from when there was no limit.
    const before = Number.isFinite(this.bytes) ? this.bytes : 0
    this.bytes = Math.min(before + bytesPerSecond * seconds, bytesPerSecond * BURST_SECONDS)
  }

  get waitMs(): number {
    return this.bytes > 0 ? 0 : (-this.bytes / this.#rate) * 1000
  }
}
