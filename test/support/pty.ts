// A program in a terminal of its own, of a given size, and what is to be seen there.
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { killAtExit } from './at-exit.ts'
import { unavailable } from './client-tools.ts'
import { VirtualTerminal } from './virtual-terminal.ts'

export interface PtyOptions {
  readonly columns: number
  readonly rows: number
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
}

export class Pty implements AsyncDisposable {
  readonly terminal: VirtualTerminal
  readonly exited: Promise<number | null>
  readonly #child: ChildProcessWithoutNullStreams
  readonly #forget: () => void

  constructor(program: string, args: readonly string[], options: PtyOptions) {
    const { columns, rows, cwd, env = {} } = options
    this.terminal = new VirtualTerminal(columns, rows)
    const words = [program, ...args].map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
    const command = `stty cols ${columns} rows ${rows} && exec ${words.join(' ')}`
    this.#child = spawn('script', ['-qefc', command, '/dev/null'], {
      cwd,
      env: { ...process.env, CI: '', TERM: 'xterm', LC_ALL: 'C.UTF-8', ...env },
    })
    this.#forget = killAtExit(() => this.#child.kill('SIGKILL'))
    this.#child.stdout.setEncoding('utf8')
    this.#child.stdout.on('data', (text: string) => this.terminal.write(text))
    this.exited = new Promise((resolve) => this.#child.once('close', resolve))
  }

  static unavailable(): string | undefined {
    return unavailable('script', 'stty')
  }

  type(text: string): void {
    this.#child.stdin.write(text)
  }

  // The program goes with its terminal.
  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.exited
    this.#forget()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
