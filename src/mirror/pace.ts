// How fast the downloads of a run of `warm` may go: as fast as its cap says, and next to nothing while a
// client's pull is being downloaded. What has to wait leaves its bytes unread, so that upstream sends no
// more of them and the link is the client's.

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

interface Turn {
  readonly download: object
  readonly bytes: number
  readonly since: number
  readonly resolve: (waitedMs: number) => void
}

export class Pace {
  readonly #clock: PaceClock
  readonly #live = new Set<object>()
  readonly #slots: { readonly at: number; bytes: number }[] = []
  #liveUntilMs = -Infinity
  readonly #caps = new Set<{ readonly bytesPerSecond: number }>()

  readonly #turns: Turn[] = []
  /** Below zero: so much was taken ahead, and has to be waited for. */
  #allowedBytes = 0
  #allowedAtMs: number
  #callOff: (() => void) | undefined

  constructor(clock: PaceClock = CLOCK) {
    this.#clock = clock
    this.#allowedAtMs = clock.now()
  }

  /**
   * For all downloads of runs together, until what is returned is called; undefined: no cap. The lowest
   * of several counts.
   */
  limit(bytesPerSecond: number | undefined): () => void {
    const cap = { bytesPerSecond: bytesPerSecond ?? Infinity }
    this.#allow()
    this.#caps.add(cap)
    this.#serve()
    return () => {
      this.#allow()
      this.#caps.delete(cap)
      this.#serve()
    }
  }

  /** A client waits for what this brings. It says so once, and again when that is over. */
  liveBegan(download: object): void {
    this.free(download)
    if (this.#live.has(download)) return
    this.#allow()
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
   * Undefined: at once. In the order they come, however much each has had.
   */
  take(download: object, bytes: number): Promise<number> | undefined {
    this.#allow()
    if (this.#turns.length === 0 && this.#allowedBytes > 0) {
      this.#allowedBytes -= bytes
      return undefined
    }
    return new Promise((resolve) => {
      this.#turns.push({ download, bytes, since: this.#clock.now(), resolve })
      this.#serve()
    })
  }

  /** It need not wait: a client reads it now, or it is over. */
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
    this.#allow()
    for (let turn = this.#turns[0]; turn && this.#allowedBytes > 0; turn = this.#turns[0]) {
      this.#turns.shift()
      this.#allowedBytes -= turn.bytes
      this.#end(turn)
    }
    if (this.#turns.length === 0) return
    const waitMs = (-this.#allowedBytes / this.#bytesPerSecond()) * 1000
    const lookMs = Math.min(Math.max(waitMs, WAIT_MIN_MS), LOOK_EVERY_MS)
    this.#callOff = this.#clock.after(lookMs, () => this.#serve())
  }

  #end({ since, resolve }: Turn): void {
    resolve(this.#clock.now() - since)
  }

  /** Adds what the time since the last look allows. */
  #allow(): void {
    const now = this.#clock.now()
    const rate = this.#bytesPerSecond()
    const seconds = (now - this.#allowedAtMs) / 1000
    this.#allowedAtMs = now
    if (rate === Infinity) {
      this.#allowedBytes = Infinity
      return
    }
    // Nothing is owed, or saved, from when there was no limit.
    const before = Number.isFinite(this.#allowedBytes) ? this.#allowedBytes : 0
    this.#allowedBytes = Math.min(before + rate * seconds, rate * BURST_SECONDS)
  }

  #bytesPerSecond(): number {
    const cap = Math.min(...Array.from(this.#caps, ({ bytesPerSecond }) => bytesPerSecond))
    if (!this.isYielding) return cap
    const share = this.#liveBytesPerSecond() * YIELDING_SHARE
    return Math.min(cap, Math.max(share, YIELDING_BYTES_PER_SECOND))
  }

  #liveBytesPerSecond(): number {
    const since = Math.floor(this.#clock.now() / RATE_SLOT_MS) - RATE_SLOTS
    const recent = this.#slots.filter(({ at }) => at > since)
    const bytes = recent.reduce((sum, slot) => sum + slot.bytes, 0)
    return (bytes / (RATE_SLOTS * RATE_SLOT_MS)) * 1000
  }
}
