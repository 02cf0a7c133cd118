// When the next request of a registry may be sent that is to get only so many in a second.

import type { PatienceOptions } from './patience.ts'

export class Spacing {
  readonly #intervalMs: number
  readonly #options: Pick<PatienceOptions, 'now' | 'sleep'>
  #freeAtMs = 0
  #waiting = 0

  constructor(intervalMs: number, options: Pick<PatienceOptions, 'now' | 'sleep'>) {
    this.#intervalMs = intervalMs
    this.#options = options
  }

  /** In the order in which they asked; what was not taken while nobody asked is not made up for. */
  async turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#options.now()
    // Where the clock was set back nobody waits until it has caught up.
    const latestMs = nowMs + (this.#waiting + 1) * this.#intervalMs
    const atMs = Math.max(nowMs, Math.min(this.#freeAtMs, latestMs))
    this.#freeAtMs = atMs + this.#intervalMs
    if (atMs === nowMs) return
    this.#waiting += 1
    await this.#options.sleep(atMs - nowMs, signal).finally(() => (this.#waiting -= 1))
  }
}
