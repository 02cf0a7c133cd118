// What ends a run before it is done: whoever asked, the time, the disk, a store without room.

import { LOOK_EVERY_MS } from '../lib/wall-clock.ts'
import type { Clock } from '../lib/wall-clock.ts'

export type EndedBy = 'stopped' | 'until' | 'disk' | 'room'

/** The smaller images come first: what comes after so many that found no room finds none either. */
const WITHOUT_ROOM_MAX = 5

export class Ending {
  readonly #abort = new AbortController()
  readonly #sleeping = new AbortController()
  #by: EndedBy | undefined
  #because: string | undefined
  #remedy: string | undefined
  #withoutRoom = 0

  constructor(
    asked: AbortSignal,
    untilMs: number | undefined,
    sleep: Clock['sleep'],
    now: Clock['now'],
  ) {
    const stopped = (): void => this.end('stopped', 'it was interrupted')
    if (asked.aborted) stopped()
    asked.addEventListener('abort', stopped, { once: true, signal: this.#sleeping.signal })
    if (untilMs === undefined) return
    if (untilMs <= now()) this.#timeIsUp()
    else void this.#endAt(untilMs, sleep, now)
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

  get remedy(): string | undefined {
    return this.#remedy
  }

  /** What comes first counts; that somebody stops it counts always. */
  end(by: EndedBy, because: string, remedy?: string): void {
    if (this.#by !== undefined && by !== 'stopped') return
    this.#by = by
    this.#because = because
    this.#remedy = remedy
    this.#abort.abort()
  }

  foundNoRoom(remedy: string | undefined): void {
    this.#withoutRoom += 1
    if (this.#withoutRoom < WITHOUT_ROOM_MAX) return
    const because = `the store has no room: ${this.#withoutRoom} images in a row found none`
    this.end('room', because, remedy)
  }

  foundRoom(): void {
    this.#withoutRoom = 0
  }

  close(): void {
    this.#sleeping.abort()
  }

  async #endAt(untilMs: number, sleep: Clock['sleep'], now: Clock['now']): Promise<void> {
    const { signal } = this.#sleeping
    while (now() < untilMs) {
      await sleep(Math.min(untilMs - now(), LOOK_EVERY_MS), signal).catch(nothing)
      if (signal.aborted) return
    }
    this.#timeIsUp()
  }

  #timeIsUp(): void {
    this.end('until', 'its time was up')
  }
}

function nothing(): void {}
