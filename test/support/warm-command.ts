// `regmirror warm` on the built program: a list in a folder of its own, and a data folder that runs and
// servers take in turns.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { WarmReport, WarmResult } from '../../src/care/warm-job.ts'
import { binaryPath, RegMirror } from './binary.ts'
import { assertNoSecret, assertNoSecretInFolder } from './no-secrets.ts'
import { Program } from './process.ts'
import { TempFolder } from './temp-folder.ts'

export interface WarmCommandOptions {
  readonly registries: Readonly<Record<string, string>> // name to upstream URL
  readonly list: string
  readonly args?: readonly string[] // of every run and server
  readonly env?: Readonly<Record<string, string>>
  readonly dataFolder?: string // default: one of its own
  readonly secrets?: readonly string[] // looked for, at the end, in all that it said and stored
}

export interface WarmEnd {
  readonly code: number | null
  readonly report: WarmReport
  readonly said: string // to people
}

export class WarmCommand implements AsyncDisposable {
  readonly dataFolder: string
  readonly listFile: string
  readonly #temp = new TempFolder('warm')
  readonly #options: WarmCommandOptions
  readonly #programs: Program[] = []

  constructor(options: WarmCommandOptions) {
    this.#options = options
    this.dataFolder = options.dataFolder ?? this.#temp.join('data')
    this.listFile = this.#temp.join('mirror.txt')
    writeFileSync(this.listFile, options.list)
  }

  /** Of the run that began last. */
  get reportFile(): string {
    return this.#temp.join(`report-${this.#programs.length}.json`)
  }

  begin(...args: readonly string[]): Program {
    const { registries, args: always = [], env = {} } = this.#options
    const upstreams = Object.entries(registries).flatMap(([name, url]) => [
      '--registry',
      `${name}=${url}`,
    ])
    const where = ['--data', this.dataFolder, '--min-free', '0B']
    const report = this.#temp.join(`report-${this.#programs.length + 1}.json`)
    const words = ['warm', this.listFile, '--report', report, ...where, ...upstreams]
    const options = { cwd: this.#temp.path, env }
    const program = new Program(binaryPath(), [...words, ...always, ...args], options)
    this.#programs.push(program)
    return program
  }

  /** To its end, of which there is a report. */
  async run(...args: readonly string[]): Promise<WarmEnd> {
    return await this.end(this.begin(...args))
  }

  async end(program: Program): Promise<WarmEnd> {
    const { reportFile } = this
    const { code } = await program.exited
    if (!existsSync(reportFile)) throw new Error(`no report\n${program.report()}`)
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as WarmReport
    return { code, report, said: program.stderr }
  }

  serve(...args: readonly string[]): Promise<RegMirror> {
    const { registries, args: always = [], env = {} } = this.#options
    const { dataFolder } = this
    return RegMirror.start({ registries, dataFolder, env, args: [...always, ...args] })
  }

  /** Of the list that a run leaves behind; undefined: it left none. */
  get failedLines(): readonly string[] | undefined {
    const file = `${this.dataFolder}/warm-failed.txt`
    if (!existsSync(file)) return undefined
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.filter((line) => line !== '' && !line.startsWith('#'))
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop('SIGKILL')))
    try {
      const { secrets = [] } = this.#options
      const said = this.#programs.flatMap(({ stdout, stderr }) => [stdout, stderr]).join('\n')
      assertNoSecret(secrets, said, 'what the program said')
      assertNoSecretInFolder(secrets, this.#temp.path)
      assertNoSecretInFolder(secrets, this.dataFolder)
    } finally {
      await this.#temp.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

export function statuses({ results }: WarmReport): Readonly<Record<string, WarmResult['status']>> {
  return Object.fromEntries(results.map(({ reference, status }) => [reference, status]))
}
