// Time that passes only when a test says so, for what takes its clock and timers from outside.
import { setImmediate as turn } from 'node:timers/promises'

interface Timer {
  at: number
  readonly run: () => void
}

export class ManualClock {
  #now: number
  readonly #timers = new Set<Timer>()

  constructor(now = 0) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        off()
        reject(signal.reason as Error)
      }
      const off = this.after(ms, () => {
        signal.removeEventListener('abort', stop)
        resolve()
      })
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
    })
  }

  // It is set, or the machine slept: no timer has noticed.
  set(now: number): void {
    const passed = now - this.#now
    this.#now = now
    for (const timer of this.#timers) timer.at += passed
  }

  // Timers run in order, each at its own time, and what waits for them gets its turn.
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    await turn()
    for (;;) {
      const next = [...this.#timers].toSorted((a, b) => a.at - b.at)[0]
      if (!next || next.at > end) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
      await turn()
    }
    this.#now = end
    await turn()
  }
}
