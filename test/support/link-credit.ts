// How many bytes may pass at a speed: what was not used of a moment is lost, but for a little.
import { performance } from 'node:perf_hooks'

// Nothing passes before so much can, or many tiny writes would cost more than the bytes.
const MIN_GRANT_MS = 2
// Credit that an idle moment may save up: more makes bursts, less loses rate on a busy event loop.
const MAX_SAVED_MS = 40

export class LinkCredit {
  #bytes = 0
  #at = performance.now()

  // How many of the bytes wanted may pass now; they are already taken from the credit.
  take(wanted: number, bytesPerSecond: number): number {
    const now = performance.now()
    const most = (bytesPerSecond * MAX_SAVED_MS) / 1000
    this.#bytes = Math.min(most, this.#bytes + (bytesPerSecond * (now - this.#at)) / 1000)
    this.#at = now
    if (this.#bytes < Math.min(wanted, (bytesPerSecond * MIN_GRANT_MS) / 1000)) return 0
    const granted = Math.min(wanted, Math.floor(this.#bytes))
    this.#bytes -= granted
    return granted
  }
}
