// The packaged binary under test, or the source on another runtime in its place: `regmirror serve` on
// a free port with a data folder that outlives restarts, and what Linux tells about the process.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { freePort } from './net-ports.ts'
import { assertNoSecret, assertNoSecretInFolder } from './no-secrets.ts'
import { Program } from './process.ts'
import type { Exit } from './process.ts'
import { isRuntime, programOn } from './runtimes.ts'
import { TempFolder } from './temp-folder.ts'
import { waitUntil } from './wait-until.ts'

const DEFAULT_BINARY = path.resolve(import.meta.dirname, '../../dist/regmirror')
const TICKS_PER_SECOND = 100

export interface MirrorOptions {
  readonly registries?: Readonly<Record<string, string>> // name to upstream URL
  readonly settings?: Readonly<Record<string, unknown>> // what regmirror.yaml says
  readonly host?: string // to listen on; default: 127.0.0.1
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly dataFolder?: string // default: one of its own
  readonly program?: string // default: the packaged binary
  readonly startedBy?: () => readonly string[] // a command that is given its own, at each start
  readonly secrets?: readonly string[] // looked for, at the end, in all that it said and stored
}

export function binaryPath(): string {
  const on = process.env['REGMIRROR_FEATURES_ON']
  if (isRuntime(on)) return programOn(on)
  return path.resolve(process.env['REGMIRROR_BINARY'] ?? DEFAULT_BINARY)
}

export class RegMirror implements AsyncDisposable {
  port = 0
  readonly dataFolder: string
  readonly #temp = new TempFolder('mirror')
  readonly #options: MirrorOptions
  #program: Program | undefined

  private constructor(options: MirrorOptions) {
    this.#options = options
    this.dataFolder = options.dataFolder ?? this.#temp.join('data')
  }

  static async start(options: MirrorOptions): Promise<RegMirror> {
    const mirror = new RegMirror(options)
    try {
      await mirror.restart()
      return mirror
    } catch (error) {
      await mirror.close()
      throw error
    }
  }

  // On the same data folder and a new port; `more` arguments hold for this start only.
  async restart(more: readonly string[] = []): Promise<void> {
    await this.#program?.close()
    const binary = this.#options.program ?? binaryPath()
    if (!existsSync(binary)) throw new Error(`${binary} is missing: npm run build`)
    this.port = await freePort()
    const { registries = {}, settings, host = '127.0.0.1', args = [], env = {} } = this.#options
    const upstreams = Object.entries(registries).flatMap(([name, url]) => [
      '--registry',
      `${name}=${url}`,
    ])
    const where = ['--listen', `${host}:${this.port}`, '--data', this.dataFolder]
    // Whatever the machine's own disk has left.
    if (!args.includes('--min-free')) where.push('--min-free', '0B')
    if (settings !== undefined) {
      // YAML is a superset of JSON.
      writeFileSync(this.#temp.join('regmirror.yaml'), JSON.stringify(settings, undefined, 2))
      where.push('--config', this.#temp.join('regmirror.yaml'))
    }
    const all = ['serve', ...where, ...upstreams, ...args, ...more]
    const [command = binary, ...words] = [...(this.#options.startedBy?.() ?? []), binary, ...all]
    this.#program = new Program(command, words, { cwd: this.#temp.path, env })
    const what = `${binary} answering on port ${this.port}`
    await waitUntil(() => this.#answers(), { what }).catch((error: unknown) => {
      throw new Error(`the mirror did not start\n${this.program.report()}`, { cause: error })
    })
  }

  get program(): Program {
    if (this.#program === undefined) throw new Error('the mirror was never started')
    return this.#program
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  // By the prefix of the registry's name: works for every registry.
  blobUrl(registry: string, repository: string, digest: string): string {
    return `${this.url}/v2/${registry}/${repository}/blobs/${digest}`
  }

  manifestUrl(registry: string, repository: string, reference: string): string {
    return `${this.url}/v2/${registry}/${repository}/manifests/${reference}`
  }

  stop(signal: NodeJS.Signals = 'SIGTERM', graceMs?: number): Promise<Exit> {
    return this.program.stop(signal, graceMs)
  }

  // Resident memory in MiB: now, and the most it ever was.
  memory(): { readonly rssMiB: number; readonly peakMiB: number } {
    const status = this.#proc('status')
    const mebibytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
    return { rssMiB: mebibytes('VmRSS'), peakMiB: mebibytes('VmHWM') }
  }

  // User and system time of all its threads.
  cpuSeconds(): number {
    const stat = this.#proc('stat')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  }

  async close(): Promise<void> {
    await this.#program?.stop('SIGKILL')
    try {
      this.#checkSecrets()
    } finally {
      await this.#temp.close()
    }
  }

  // `secrets`: what it was told and must not tell, in each form.
  #checkSecrets(): void {
    const { secrets = [] } = this.#options
    const { stdout = [], stderr = [] } = this.#program?.lines ?? {}
    assertNoSecret(secrets, [...stdout, ...stderr].join('\n'), 'what the program said')
    assertNoSecretInFolder(secrets, this.dataFolder)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #proc(file: 'status' | 'stat'): string {
    return readFileSync(`/proc/${this.program.pid}/${file}`, 'utf8')
  }

  async #answers(): Promise<boolean> {
    if (this.program.exit !== undefined) throw new Error('it ended')
    try {
      const response = await fetch(`${this.url}/v2/`)
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }
}
