// What a run tells whoever watches it: rows as they come, and now and then how far it is.

import type { WarmInFlight, WarmProgress, WarmResult, WarmRow } from '../care/warm-job.ts'
import type { Talk } from '../care/jobs.ts'
import type { Image } from './image.ts'
import { Rate } from './rate.ts'

/** Rows of what is in flight: more than any terminal shows. */
const SHOWN_MAX = 16
/** Ten times a second is as much as anybody can see. */
const TOLD_EVERY_MS = 100
/** While nothing happens. */
const TICK_MS = 1000

export interface BoardOptions {
  readonly talk: Talk<WarmRow, WarmProgress>
  readonly now: () => number
  /** Told beside what happens to images. */
  readonly quotas: () => WarmProgress['quotas']
  readonly waitingFor: () => string | undefined
}

interface InFlight {
  /** Of what is fetched for it; where another image's download brought a blob, that is stored only. */
  arrivedBytes: number
  storedBytes: number
  readonly totalBytes: number
}

export class Board {
  readonly #options: BoardOptions
  readonly #flying = new Map<Image, InFlight>()
  readonly #rate: Rate
  readonly #tick: NodeJS.Timeout
  #phase: WarmProgress['phase'] = 'planning'
  #total = 0
  #done = 0
  #failed = 0
  #bytesNew = 0
  #bytesTotal: number | undefined
  #toldAtMs = 0
  #rows: WarmRow[] = []
  #sending: Promise<void> | undefined

  constructor(options: BoardOptions) {
    this.#options = options
    this.#rate = new Rate(options.now)
    this.#tick = setInterval(() => this.#tell(), TICK_MS)
    this.#tick.unref()
  }

  phase(phase: WarmProgress['phase'], total = this.#total): void {
    this.#phase = phase
    this.#total = total
    this.#tell()
  }

  /** Images that nobody knew of when it began. */
  more(count: number): void {
    this.#total += count
  }

  /** More than was expected until now. */
  expect(bytes: number): void {
    this.#bytesTotal = (this.#bytesTotal ?? this.#bytesNew) + bytes
  }

  notice(text: string): void {
    this.row({ kind: 'notice', text })
    this.#tell()
  }

  row(row: WarmRow): void {
    this.#rows.push(row)
    this.#sending ??= this.#send()
  }

  takeOff(image: Image, totalBytes: number): void {
    this.#flying.set(image, { arrivedBytes: 0, storedBytes: 0, totalBytes })
    this.#tell()
  }

  arrived(image: Image, bytes: number): void {
    image.bytesNew += bytes
    this.#bytesNew += bytes
    this.#rate.add(bytes)
    const flying = this.#flying.get(image)
    if (flying) flying.arrivedBytes += bytes
    this.#tell()
  }

  /** One of its blobs is there, whoever fetched it. */
  stored(image: Image, bytes: number): void {
    const flying = this.#flying.get(image)
    if (flying) flying.storedBytes += bytes
    this.#tell()
  }

  landed(image: Image): void {
    this.#flying.delete(image)
  }

  ended(image: Image): void {
    this.#flying.delete(image)
    this.#done += 1
    if (image.status === 'failed') this.#failed += 1
    this.row({ kind: 'result', ...image.result() })
    this.#tell()
  }

  /** Nothing more is done for it. */
  passedOver(image: Image): void {
    this.#flying.delete(image)
    this.#done += 1
  }

  /** A line that stands for no image. */
  unmet(result: WarmResult): void {
    this.#failed += 1
    this.row({ kind: 'result', ...result })
  }

  /** All rows are on their way. */
  async close(): Promise<void> {
    clearInterval(this.#tick)
    while (this.#sending) await this.#sending
  }

  /** One batch after the other, as fast as whoever watches takes them. */
  async #send(): Promise<void> {
    await Promise.resolve()
    while (this.#rows.length > 0) {
      const batch = this.#rows
      this.#rows = []
      await this.#options.talk.rows(batch).catch(() => undefined)
    }
    this.#sending = undefined
  }

  #tell(): void {
    const nowMs = this.#options.now()
    if (nowMs - this.#toldAtMs < TOLD_EVERY_MS) return
    this.#toldAtMs = nowMs
    const inFlight = Array.from(this.#flying).slice(0, SHOWN_MAX)
    this.#options.talk.progress({
      phase: this.#phase,
      done: this.#done,
      total: this.#total,
      failed: this.#failed,
      bytesNew: this.#bytesNew,
      // Manifests are not expected.
      bytesTotal: this.#bytesTotal && Math.max(this.#bytesTotal, this.#bytesNew),
      bytesPerSecond: this.#rate.perSecond,
      inFlight: inFlight.map(shown),
      running: this.#flying.size,
      waitingFor: this.#options.waitingFor(),
      quotas: this.#options.quotas(),
    })
  }
}

function shown([{ wanted }, bytes]: readonly [Image, InFlight]): WarmInFlight {
  const { arrivedBytes, storedBytes, totalBytes } = bytes
  const doneBytes = Math.min(totalBytes, Math.max(arrivedBytes, storedBytes))
  return { reference: wanted.name, doneBytes, totalBytes }
}
