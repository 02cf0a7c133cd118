// A failure that comes again and again: told when it begins and when it is over, not each time.

import type { StoreError } from '../errors.ts'

export interface EpisodeOptions {
  readonly begun: (error: StoreError) => void
  readonly over: () => void
  /** With less than this between two failures they belong together, whatever succeeds meanwhile. */
  readonly quietMs: number
  readonly now: () => number
}

export class Episode {
  readonly #options: EpisodeOptions
  #failedAt: number | undefined
  #failure: StoreError | undefined

  constructor(options: EpisodeOptions) {
    this.#options = options
  }

  failed(error: StoreError): void {
    const isFirst = this.#failedAt === undefined
    this.#failedAt = this.#options.now()
    this.#failure = error
    if (isFirst) this.#options.begun(error)
  }

  worked(): void {
    if (this.#failedAt === undefined) return
    const { quietMs, now, over } = this.#options
    if (now() - this.#failedAt < quietMs) return
    this.#failedAt = undefined
    over()
  }

  /** How it failed, where that was less than so long ago. */
  failedWithin(ms: number): StoreError | undefined {
    const isRecent = this.#failedAt !== undefined && this.#options.now() - this.#failedAt < ms
    return isRecent ? this.#failure : undefined
  }
}
