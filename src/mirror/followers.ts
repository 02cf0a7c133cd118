// The readers of one fill: who waits for which position, and whether anybody reads at all.

interface Waiter {
  readonly ready: () => boolean
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class Followers {
  readonly #waiters = new Set<Waiter>()
  readonly #readers = new Set<object>()
  readonly #onLast: () => void
  #failure: Error | undefined
  #unread: (() => void)[] = []

  /** `onLast` is called each time the last reader has left. */
  constructor(onLast: () => void) {
    this.#onLast = onLast
  }

  get count(): number {
    return this.#readers.size
  }

  join(reader: object): void {
    this.#readers.add(reader)
  }

  /** Leaving twice does nothing. */
  leave(reader: object): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return
    for (const resolve of this.#unread.splice(0)) resolve()
    this.#onLast()
  }

  /** Resolves when nobody reads. The fd must live until then: its number would be given away. */
  async unread(): Promise<void> {
    if (this.#readers.size === 0) return
    await new Promise<void>((resolve) => this.#unread.push(resolve))
  }

  /** Resolves once `ready` holds; rejects when the fill has failed. */
  waitUntil(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve()
    if (this.#failure) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => this.#waiters.add({ ready, resolve, reject }))
  }

  /** More is there: whoever waited for it goes on. */
  wake(): void {
    for (const waiter of this.#waiters) {
      if (!waiter.ready()) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  fail(error: Error): void {
    this.#failure = error
    for (const waiter of this.#waiters) waiter.reject(error)
    this.#waiters.clear()
  }
}
