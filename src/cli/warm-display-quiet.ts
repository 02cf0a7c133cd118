// A warm run of which only trouble and the end are wanted.

import type { WarmAnswer, WarmRow } from '../care/warm-job.ts'
import { RunLines, lineText } from './warm-display-lines.ts'
import type { WarmDisplay, WarmDisplayOptions } from './warm-display-options.ts'
import { lastWords } from './warm-words.ts'

export class QuietDisplay implements WarmDisplay {
  readonly #options: WarmDisplayOptions
  readonly #lines: RunLines

  constructor(options: WarmDisplayOptions) {
    this.#options = options
    this.#lines = new RunLines(options.asked)
  }

  progress(): void {}

  row(row: WarmRow): void {
    if (row.kind !== 'result' || row.status !== 'failed') return
    for (const line of this.#lines.ofRow(row)) {
      this.#options.output.write(`${lineText(line, this.#options.hasColor)}\n`)
    }
  }

  /** What failed had its line. */
  end(answer: WarmAnswer): void {
    const { output, facts } = this.#options
    const [headline = ''] = lastWords(answer, facts).lines
    output.write(`${headline}\n`)
  }

  clear(): void {}
}
