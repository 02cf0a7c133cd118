// A warm run for a program: one JSON object per line.

import type { WarmAnswer, WarmProgress, WarmRow } from '../care/warm-job.ts'
import type { WarmDisplay, WarmDisplayOptions } from './warm-display-options.ts'

const PROGRESS_EVERY_MS = 1000
/** JSON lets them through, and a terminal that it is shown on would obey. */
const C1_CONTROLS = /[\u007f-\u009f]/g

export class JsonDisplay implements WarmDisplay {
  readonly #options: WarmDisplayOptions
  #nextAt = -Infinity

  constructor(options: WarmDisplayOptions) {
    this.#options = options
  }

  progress(progress: WarmProgress): void {
    const now = this.#options.now()
    if (now < this.#nextAt) return
    this.#nextAt = now + PROGRESS_EVERY_MS
    this.#write({ kind: 'progress', ...progress })
  }

  row(row: WarmRow): void {
    this.#write(row)
  }

  /** Without the results: each had its line. */
  end(answer: WarmAnswer): void {
    if (answer.kind === 'taken') return this.#write(answer)
    const { results: _, ...report } = answer.report
    this.#write({ ...answer, report })
  }

  clear(): void {}

  #write(value: object): void {
    this.#options.output.write(jsonLine(value))
  }
}

export function jsonLine(value: object): string {
  const text = JSON.stringify(value).replace(
    C1_CONTROLS,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${text}\n`
}
