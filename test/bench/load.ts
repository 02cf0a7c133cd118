// Many connections that ask for the same small thing as fast as they get answers.
import path from 'node:path'
import { run } from '../support/process.ts'

export interface LoadResult {
  readonly perSecond: number
  readonly answers: number
}

export interface LoadOptions {
  readonly accept: string
  readonly connections: number
  readonly seconds: number
  readonly wrk: boolean
}

const LOOP = path.join(import.meta.dirname, 'load-loop.ts')

export async function load(url: string, options: LoadOptions): Promise<LoadResult> {
  const result = await (options.wrk ? byWrk(url, options) : byLoop(url, options))
  if (result.failures > 0 || result.answers === 0) {
    throw new Error(`${url}: ${result.failures} of ${result.answers} answers were not 200`)
  }
  return result
}

type Outcome = LoadResult & { readonly failures: number }

async function byWrk(url: string, { accept, connections, seconds }: LoadOptions): Promise<Outcome> {
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '-H', `Accept: ${accept}`]
  const { stdout } = await run('wrk', [...flags, url])
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? 0)
  const socketErrors = /Socket errors:.*$/m.exec(stdout)?.[0].match(/\d+/g) ?? []
  return {
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    answers: number(/(\d+) requests in/),
    failures: [number(/Non-2xx or 3xx responses: (\d+)/), ...socketErrors.map(Number)].reduce(
      (sum, value) => sum + value,
    ),
  }
}

async function byLoop(url: string, { accept, connections, seconds }: LoadOptions) {
  const args = [LOOP, url, String(connections), String(seconds), accept]
  const { stdout } = await run(process.execPath, args)
  return JSON.parse(stdout) as Outcome
}
