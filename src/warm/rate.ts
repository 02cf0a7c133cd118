// Bytes per second over the last few seconds.

const WINDOW_MS = 5000
const BUCKET_MS = 250

export class Rate {
  readonly #now: () => number
  readonly #buckets: { readonly startedAtMs: number; bytes: number }[] = []
  readonly #startedAtMs: number

  constructor(now: () => number) {
    this.#now = now
    this.#startedAtMs = now()
  }

  add(bytes: number): void {
    const nowMs = this.#now()
    const last = this.#buckets.at(-1)
    if (last && nowMs - last.startedAtMs < BUCKET_MS) last.bytes += bytes
    else this.#buckets.push({ startedAtMs: nowMs, bytes })
    this.#forget(nowMs)
  }

  get perSecond(): number {
    const nowMs = this.#now()
    this.#forget(nowMs)
    const bytes = this.#buckets.reduce((sum, bucket) => sum + bucket.bytes, 0)
    const overMs = Math.min(WINDOW_MS, Math.max(BUCKET_MS, nowMs - this.#startedAtMs))
    return Math.round((bytes * 1000) / overMs)
  }

  #forget(nowMs: number): void {
    while (nowMs - (this.#buckets[0]?.startedAtMs ?? nowMs) > WINDOW_MS) this.#buckets.shift()
  }
}
