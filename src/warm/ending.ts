// What ends a run before it is done: whoever asked, the time, the disk.

export type EndedBy = 'stopped' | 'until' | 'disk'

export class Ending {
  readonly #abort = new AbortController()
  readonly #sleeping = new AbortController()
  #by: EndedBy | undefined
  #because: string | undefined

  constructor(asked: AbortSignal, untilMs: number | undefined, sleep: Sleep, now: () => number) {
    const stopped = (): void => this.end('stopped', 'it was interrupted')
    if (asked.aborted) stopped()
    asked.addEventListener('abort', stopped, { once: true, signal: this.#sleeping.signal })
    if (untilMs === undefined) return
    if (untilMs <= now()) this.#timeIsUp()
    else sleep(untilMs - now(), this.#sleeping.signal).then(() => this.#timeIsUp(), nothing)
  }

  /** Aborted as soon as nothing new may begin. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get by(): EndedBy | undefined {
    return this.#by
  }

  get because(): string | undefined {
    return this.#because
  }

  /** What comes first counts; that somebody stops it counts always. */
  end(by: EndedBy, because: string): void {
    if (this.#by !== undefined && by !== 'stopped') return
    this.#by = by
    this.#because = because
    this.#abort.abort()
  }

  close(): void {
    this.#sleeping.abort()
  }

  #timeIsUp(): void {
    this.end('until', 'its time was up')
  }
}

type Sleep = (durationMs: number, signal: AbortSignal) => Promise<void>

function nothing(): void {}
