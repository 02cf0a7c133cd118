// Time that passes only when a test says so, for what takes its clock and timers from outside.
import { setImmediate as turn } from 'node:timers/promises'

interface Timer {
  readonly at: number
  readonly run: () => void
}

export class ManualClock {
  #now = 0
  readonly #timers = new Set<Timer>()

  now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
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
