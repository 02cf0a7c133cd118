// A short upstream request for a window far ahead of a download's frontier. What it does not bring
// comes with the rest, so its errors are nobody's.

import type { Extent } from '../lib/extents.ts'
import type { OpenedBlob } from '../upstream/upstream.ts'
import type { GapWriter } from './gap-writer.ts'

/** A range this short and this far past the frontier may have an upstream request of its own. */
const EARLY_BYTES_MAX = 4 * 1024 * 1024
const EARLY_DISTANCE_BYTES = 16 * 1024 * 1024

export function mayFetchEarly(window: Extent, frontier: number): boolean {
  const isShort = window.end - window.start <= EARLY_BYTES_MAX
  return isShort && window.start > frontier + EARLY_DISTANCE_BYTES
}

export interface EarlyOptions {
  /** The bytes that are wanted and not there yet. */
  readonly window: Extent
  readonly totalBytes: number
  open(range: { start: number; end: number }): Promise<OpenedBlob | undefined>
  writer(start: number): GapWriter
}

export class EarlyRequest {
  readonly window: Extent
  readonly ended: Promise<void>
  readonly #options: EarlyOptions
  #opened: OpenedBlob | undefined
  #writer: GapWriter | undefined
  #isStopped = false

  constructor(options: EarlyOptions) {
    this.window = options.window
    this.#options = options
    this.ended = this.#run()
  }

  /**
   * For when the download has come this far: from here on only one of the two may write, or bytes
   * could change after they were hashed. Waits for the disk only, never for upstream.
   */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#opened?.abort()
    await this.#writer?.flushed().catch(() => undefined)
  }

  async #run(): Promise<void> {
    try {
      await this.#fetch()
    } catch {
      return
    } finally {
      this.#opened?.abort()
      await this.#writer?.flushed().catch(() => undefined)
    }
  }

  async #fetch(): Promise<void> {
    const { window, totalBytes } = this.#options
    const opened = await this.#options.open({ start: window.start, end: window.end - 1 })
    if (!opened) return
    this.#opened = opened
    const isSameBlob = (opened.totalBytes ?? totalBytes) === totalBytes
    if (opened.start !== window.start || !isSameBlob || this.#isStopped) return
    const writer = this.#options.writer(window.start)
    this.#writer = writer
    for await (const chunk of opened.body) {
      if (this.#isStopped) return
      await writer.add(chunk)
    }
  }
}

/** One of them at a time. */
export class EarlyRequests {
  #running: EarlyRequest | undefined

  get isAny(): boolean {
    return this.#running !== undefined
  }

  begin(options: EarlyOptions): void {
    const early = new EarlyRequest(options)
    this.#running = early
    void early.ended.then(() => {
      if (this.#running === early) this.#running = undefined
    })
  }

  /** Only one of the two may write where the main request and an early one meet. */
  async stopAt(position: number): Promise<void> {
    const early = this.#running
    if (!early || position < early.window.start) return
    await early.stop()
    if (this.#running === early) this.#running = undefined
  }
}
