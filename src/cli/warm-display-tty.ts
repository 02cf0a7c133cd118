// A warm run on a terminal: lines that stay, and below them a block that is drawn over again and again. The
// cursor waits below the block, where it is in nobody's way, also when the process is killed.

import type { WarmAnswer, WarmProgress, WarmRow } from '../care/warm-job.ts'
import { blockLines } from './warm-display-block.ts'
import type { Terminal } from './warm-display-block.ts'
import { RunLines, lineText } from './warm-display-lines.ts'
import type { Line } from './warm-display-lines.ts'
import type { WarmDisplay, WarmDisplayOptions } from './warm-display-options.ts'
import { lastWords } from './warm-words.ts'
import { wrapped } from './wrapped.ts'

/** What is done before that needs no picture. */
const FIRST_BLOCK_AFTER_MS = 500
const DRAW_EVERY_MS = 100
const COLUMNS_DEFAULT = 80
const ROWS_DEFAULT = 24

// Not node:readline's functions: each writes for itself, and half a picture flickers.
/** Not all from the first column: tmux takes that, in the first row, for a wish to keep it in its history. */
const ERASE_BELOW = '\u001b[2K\u001b[C\u001b[J\r'
/** To the first column: an echoed ^C may have moved the cursor. */
const upToStart = (rows: number): string => (rows > 0 ? `\r\u001b[${rows}A` : '\r')

export class TtyDisplay implements WarmDisplay {
  readonly #options: WarmDisplayOptions
  readonly #lines: RunLines
  readonly #blockFrom: number
  /** Lines that stay and are not written yet. */
  #waiting: string[] = []
  #progress: WarmProgress | undefined
  /** The lines of the block as it stands there. */
  #block: readonly string[] = []
  #nextAt: number
  #cancelDraw: (() => void) | undefined

  constructor(options: WarmDisplayOptions) {
    this.#options = options
    this.#lines = new RunLines(options.asked)
    this.#nextAt = options.now()
    this.#blockFrom = options.now() + FIRST_BLOCK_AFTER_MS
    options.output.on?.('resize', this.#drawNow)
  }

  progress(progress: WarmProgress): void {
    this.#progress = progress
    this.#keep(this.#lines.ofProgress(progress))
    this.#drawSoon()
  }

  row(row: WarmRow): void {
    this.#keep(this.#lines.ofRow(row))
    if (this.#waiting.length > 0) this.#drawSoon()
  }

  end(answer: WarmAnswer): void {
    const { output, facts } = this.#options
    output.off?.('resize', this.#drawNow)
    this.#keep(this.#lines.ofEnd())
    const { columns } = this.#terminal
    const { lines, command = [] } = lastWords(answer, facts)
    this.#waiting.push(...lines.map((line) => wrapped(line, columns)).concat(command))
    this.clear()
  }

  clear(): void {
    this.#cancelDraw?.()
    this.#cancelDraw = undefined
    this.#write([])
  }

  #keep(lines: readonly Line[]): void {
    const { columns } = this.#terminal
    this.#waiting.push(...lines.map((line) => lineText(line, this.#options.hasColor, columns)))
  }

  /** At once, or when the last picture was seen. */
  readonly #drawSoon = (): void => {
    if (this.#cancelDraw !== undefined) return
    const delayMs = this.#nextAt - this.#options.now()
    if (delayMs <= 0) this.#draw()
    else this.#cancelDraw = this.#options.after(delayMs, () => this.#draw())
  }

  /** Of several sizes only the last would be known, and how what stands there was wrapped is not. */
  readonly #drawNow = (): void => {
    this.#cancelDraw?.()
    this.#draw()
  }

  #draw(): void {
    this.#cancelDraw = undefined
    const now = this.#options.now()
    this.#nextAt = now + DRAW_EVERY_MS
    const progress = now < this.#blockFrom ? undefined : this.#progress
    this.#write(progress === undefined ? [] : blockLines(progress, this.#terminal))
  }

  /** One picture is one write. */
  #write(block: readonly string[]): void {
    if (this.#block.length === 0 && block.length === 0 && this.#waiting.length === 0) return
    const lines = [...this.#waiting, ...block].map((line) => `${line}\n`)
    const toTop = upToStart(this.#rowsOfBlock())
    this.#options.output.write(toTop + ERASE_BELOW + lines.join(''))
    this.#waiting = []
    this.#block = block
  }

  /** A terminal that became narrower has wrapped what stands there. */
  #rowsOfBlock(): number {
    const { columns } = this.#terminal
    return this.#block.reduce(
      (rows, line) => rows + Math.max(1, Math.ceil(line.length / columns)),
      0,
    )
  }

  get #terminal(): Terminal {
    const { output, isUtf8 } = this.#options
    // Zero where its size was never set, as on a serial line.
    return {
      columns: output.columns || COLUMNS_DEFAULT,
      rows: output.rows || ROWS_DEFAULT,
      isUtf8,
    }
  }
}
