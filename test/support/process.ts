// Other programs as children of a test: collected output, a wait for a line, a stop that always
// ends. Each child leads its own process group; what is left when the test process exits is killed.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { killAtExit } from './at-exit.ts'

export interface ProgramOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly onLine?: (line: string, stream: Stream) => void
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

type Stream = 'stdout' | 'stderr'

export class Program implements AsyncDisposable {
  readonly command: string
  readonly exited: Promise<Exit>
  readonly lines: Readonly<Record<Stream, string[]>> = { stdout: [], stderr: [] }
  exit: Exit | undefined
  readonly #child: ChildProcess
  readonly #watchers = new Set<() => void>()

  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.command = [command, ...args].join(' ')
    const env = { ...process.env, ...options.env }
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
    const where = options.cwd === undefined ? {} : { cwd: options.cwd }
    const child = spawn(command, args, { ...where, env, stdio, detached: true })
    this.#child = child
    const forget = killAtExit(() => this.signal('SIGKILL'))
    for (const stream of ['stdout', 'stderr'] as const) {
      createInterface({ input: child[stream], crlfDelay: Infinity }).on('line', (line) => {
        this.lines[stream].push(line)
        options.onLine?.(line, stream)
        this.#wake()
      })
    }
    this.exited = new Promise<Exit>((resolve) => {
      child.once('error', (error) => {
        this.lines.stderr.push(error.message)
        resolve({ code: 127, signal: null })
      })
      child.once('close', (code, signal) => resolve({ code, signal }))
    }).then((exit) => {
      this.exit = exit
      forget()
      this.#wake()
      return exit
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.command} did not start`)
    return this.#child.pid
  }

  get stdout(): string {
    return this.lines.stdout.join('\n')
  }

  get stderr(): string {
    return this.lines.stderr.join('\n')
  }

  // Resolves with the first line, past or future, that matches; fails if the program ends first.
  async waitForLine(pattern: RegExp, timeoutMs = 20_000, stream: Stream = 'stderr') {
    let next = 0
    const deadline = AbortSignal.timeout(timeoutMs)
    for (;;) {
      for (; next < this.lines[stream].length; next += 1) {
        const line = this.lines[stream][next]
        if (line !== undefined && pattern.test(line)) return line
      }
      if (this.exit !== undefined || deadline.aborted) {
        throw new Error(`no line ${pattern} from ${this.command}\n${this.report()}`)
      }
      await this.#change(deadline)
    }
  }

  // To the whole group, so that a wrapper (unshare) cannot keep a signal from the program inside.
  signal(signal: NodeJS.Signals): void {
    if (this.exit !== undefined || this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 10_000): Promise<Exit> {
    this.signal(signal)
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs)
    const exit = await this.exited
    clearTimeout(timer)
    return exit
  }

  report(): string {
    const { stdout, stderr } = this.lines
    return [...stdout.slice(-30), ...stderr.slice(-60)].map((line) => `  | ${line}`).join('\n')
  }

  async close(): Promise<void> {
    if (this.exit === undefined) await this.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #change(deadline: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#watchers.delete(done)
        deadline.removeEventListener('abort', done)
        resolve()
      }
      this.#watchers.add(done)
      deadline.addEventListener('abort', done)
    })
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher()
  }
}

// Runs a program to its end; anything but exit code 0 is an error that carries its output.
export async function run(
  command: string,
  args: readonly string[],
  options: ProgramOptions & { readonly timeoutMs?: number } = {},
): Promise<Program> {
  const program = new Program(command, args, options)
  const timer = setTimeout(() => program.signal('SIGKILL'), options.timeoutMs ?? 60_000)
  const { code, signal } = await program.exited
  clearTimeout(timer)
  if (code !== 0) {
    throw new Error(`${program.command} ended with ${code ?? signal}\n${program.report()}`)
  }
  return program
}
