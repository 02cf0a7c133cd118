// How far a job is: one line that is written over again and again on a terminal, and now and then a
// line in a pipe, where silence would look like a hang.

import { clearLine, cursorTo } from 'node:readline'
import type { JobProgress } from '../care/jobs.ts'
import { formatBytes } from '../lib/units.ts'

/** What is done before that needs no progress. */
const FIRST_AFTER_MS = 500
const REDRAW_EVERY_MS = 100
const HEARTBEAT_EVERY_MS = 10_000
const WIDTH_DEFAULT = 80

export interface ProgressOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export class ProgressLine {
  readonly #output: ProgressOutput
  readonly #now: () => number
  readonly #isRewritten: boolean
  #nextAt: number
  #isShown = false

  constructor(output: ProgressOutput, now: () => number, isDumb: boolean) {
    this.#output = output
    this.#now = now
    this.#isRewritten = output.isTTY === true && !isDumb
    this.#nextAt = now() + (this.#isRewritten ? FIRST_AFTER_MS : HEARTBEAT_EVERY_MS)
  }

  show(progress: JobProgress): void {
    const now = this.#now()
    if (now < this.#nextAt) return
    const text = progressText(progress)
    if (!this.#isRewritten) {
      this.#nextAt = now + HEARTBEAT_EVERY_MS
      this.#output.write(`${text}\n`)
      return
    }
    this.#nextAt = now + REDRAW_EVERY_MS
    this.clear()
    // A line that wraps could not be written over.
    this.#output.write(text.slice(0, (this.#output.columns || WIDTH_DEFAULT) - 1))
    this.#isShown = true
  }

  /** Before anything else is written to the terminal. */
  clear(): void {
    if (!this.#isShown) return
    this.#isShown = false
    const terminal = this.#output as unknown as NodeJS.WritableStream
    cursorTo(terminal, 0)
    clearLine(terminal, 0)
  }
}

/** `hashing: 1.2 GiB of 3.4 GiB (35 %)` */
export function progressText({ what, done, total, unit }: JobProgress): string {
  const count = (n: number): string => (unit === 'bytes' ? formatBytes(n) : String(n))
  const noun = unit === 'bytes' ? '' : ` ${unit}`
  if (total === undefined || total === 0) return `${what}: ${count(done)}${noun}`
  const percent = Math.min(100, Math.floor((100 * done) / total))
  return `${what}: ${count(done)} of ${count(total)}${noun} (${percent} %)`
}
