// A warm run in a pipe or a log: a line per image that is worth one, and a heartbeat, since silence looks
// like a hang.

import type { WarmAnswer, WarmProgress, WarmRow } from '../care/warm-job.ts'
import { RunLines, lineText } from './warm-display-lines.ts'
import type { Line } from './warm-display-lines.ts'
import type { WarmDisplay, WarmDisplayOptions } from './warm-display-options.ts'
import { heartbeatText } from './warm-display-progress.ts'
import { lastWords } from './warm-words.ts'

const HEARTBEAT_EVERY_MS = 30_000

export class PlainDisplay implements WarmDisplay {
  readonly #options: WarmDisplayOptions
  readonly #lines: RunLines
  #progress: WarmProgress | undefined
  #stopBeating: () => void

  constructor(options: WarmDisplayOptions) {
    this.#options = options
    this.#lines = new RunLines(options.asked)
    this.#stopBeating = this.#beatLater()
  }

  progress(progress: WarmProgress): void {
    this.#progress = progress
    this.#write(this.#lines.ofProgress(progress))
  }

  row(row: WarmRow): void {
    this.#write(this.#lines.ofRow(row))
  }

  end(answer: WarmAnswer): void {
    this.#stopBeating()
    this.#write(this.#lines.ofEnd())
    const { output, facts } = this.#options
    const { lines, command = [] } = lastWords(answer, facts)
    output.write(lines.concat(command).join('\n') + '\n')
  }

  /** Whole lines are in nobody's way. */
  clear(): void {}

  #beatLater(): () => void {
    return this.#options.after(HEARTBEAT_EVERY_MS, () => {
      if (this.#progress !== undefined)
        this.#write([{ verb: 'so far', text: heartbeatText(this.#progress) }])
      this.#stopBeating = this.#beatLater()
    })
  }

  #write(lines: readonly Line[]): void {
    if (lines.length === 0) return
    const { output } = this.#options
    output.write(lines.map((line) => `${lineText(line, false)}\n`).join(''))
  }
}
