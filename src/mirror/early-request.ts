// A short upstream request for a window far ahead of a download's frontier. What it does not bring
// comes with the rest, so its errors are nobody's.

import type { Extent } from '../lib/extents.ts'
import type { GapRequest } from './gap-request.ts'

/** A range this short and this far past the frontier may have an upstream request of its own. */
const EARLY_BYTES_MAX = 4 * 1024 * 1024
const EARLY_DISTANCE_BYTES = 16 * 1024 * 1024

export function mayFetchEarly(window: Extent, frontier: number): boolean {
  const isShort = window.end - window.start <= EARLY_BYTES_MAX
  return isShort && window.start > frontier + EARLY_DISTANCE_BYTES
}

/** One of them at a time. */
export class EarlyRequests {
  #running: { readonly window: Extent; readonly request: GapRequest } | undefined

  get windows(): readonly Extent[] {
    return this.#running ? [this.#running.window] : []
  }

  /** `totalBytes`: of the blob that the window is of. */
  begin(window: Extent, totalBytes: number, request: GapRequest): void {
    const running = { window, request }
    this.#running = running
    void this.#run(request, totalBytes).finally(() => {
      if (this.#running === running) this.#running = undefined
    })
  }

  /**
   * For when the download is to write `[start, end)`: from there on only one of the two may, or bytes
   * could change after they were hashed. Waits for the disk only, never for upstream.
   */
  stopWithin(start: number, end: number): Promise<void> | undefined {
    const { window } = this.#running ?? {}
    if (!window || end <= window.start || start >= window.end) return undefined
    return this.stop()
  }

  async stop(): Promise<void> {
    const running = this.#running
    await running?.request.stop()
    if (this.#running === running) this.#running = undefined
  }

  async #run(request: GapRequest, totalBytes: number): Promise<void> {
    try {
      const opened = await request.open()
      const isSameBlob = (opened?.totalBytes ?? totalBytes) === totalBytes
      if (opened?.isPart && isSameBlob) await request.store(opened, request.gap)
    } catch {
      return
    } finally {
      await request.stop()
    }
  }
}
