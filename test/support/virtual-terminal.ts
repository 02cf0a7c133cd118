// A terminal that programs can draw on, and what is to be seen on it then.
import { EventEmitter } from 'node:events'
import xterm from '@xterm/headless'

export class VirtualTerminal {
  readonly isTTY = true
  // Each write by itself: what is written at once is seen at once.
  readonly writes: string[] = []
  readonly #terminal: InstanceType<typeof xterm.Terminal>
  readonly #events = new EventEmitter()

  constructor(columns: number, rows: number) {
    // As the line discipline of a real one does, a newline returns to the first column.
    const options = { cols: columns, rows, scrollback: 10_000, convertEol: true }
    this.#terminal = new xterm.Terminal({ ...options, allowProposedApi: true })
  }

  get columns(): number {
    return this.#terminal.cols
  }

  get rows(): number {
    return this.#terminal.rows
  }

  write(text: string): void {
    this.writes.push(text)
    this.#terminal.write(text)
  }

  on(event: 'resize', listener: () => void): void {
    this.#events.on(event, listener)
  }

  off(event: 'resize', listener: () => void): void {
    this.#events.off(event, listener)
  }

  get listeners(): number {
    return this.#events.listenerCount('resize')
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#taken()
    this.#terminal.resize(columns, rows)
    this.#events.emit('resize')
  }

  // What is to be seen, without the empty lines below it.
  async screen(): Promise<readonly string[]> {
    await this.#taken()
    const { baseY } = this.#terminal.buffer.active
    return withoutEnd(
      this.#lines()
        .slice(baseY)
        .map(({ text }) => text),
    )
  }

  // With all that was scrolled away; lines that the terminal wrapped are put together again.
  async everything(): Promise<readonly string[]> {
    await this.#taken()
    const lines: string[] = []
    for (const { text, isWrapped } of this.#lines()) {
      if (isWrapped) lines.push((lines.pop() ?? '') + text)
      else lines.push(text)
    }
    return withoutEnd(lines.map((line) => line.trimEnd()))
  }

  async isAnyWrapped(): Promise<boolean> {
    await this.#taken()
    return this.#lines().some(({ isWrapped }) => isWrapped)
  }

  // Which row of the screen, from 0, and which column.
  async cursor(): Promise<{ readonly row: number; readonly column: number }> {
    await this.#taken()
    const { cursorX, cursorY } = this.#terminal.buffer.active
    return { row: cursorY, column: cursorX }
  }

  #lines(): { readonly text: string; readonly isWrapped: boolean }[] {
    const { active } = this.#terminal.buffer
    return Array.from({ length: active.length }, (_, at) => {
      const line = active.getLine(at)
      const isFollowed = active.getLine(at + 1)?.isWrapped ?? false
      const text = line?.translateToString(!isFollowed) ?? ''
      return { text, isWrapped: line?.isWrapped ?? false }
    })
  }

  #taken(): Promise<void> {
    return new Promise((resolve) => this.#terminal.write('', resolve))
  }
}

function withoutEnd(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1)
}
