// Many connections that ask for the same small things as fast as they get answers.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { run } from '../support/process.ts'
import { TempFolder } from '../support/temp-folder.ts'

export interface LoadResult {
  readonly perSecond: number
  readonly answers: number
  readonly longestMs: number // that anybody waited for an answer
}

export interface LoadOptions {
  readonly accept: string
  readonly connections: number
  readonly seconds: number
  readonly wrk: boolean
}

type Outcome = LoadResult & { readonly failures: number }

const LOOP = path.join(import.meta.dirname, 'load-loop.ts')
// Made once for each path: wrk then costs a tenth of what the quickest server does.
const WRK_SCRIPT = `
local requests, next = {}, 0
function init()
  for n, path in ipairs(paths) do requests[n] = wrk.format("GET", path) end
end
function request()
  next = next % #requests + 1
  return requests[next]
end
`

// One URL after another, all of one server.
export async function load(urls: readonly string[], options: LoadOptions): Promise<LoadResult> {
  await using temp = new TempFolder('load')
  const result = await (options.wrk ? byWrk : byLoop)(urls, options, temp)
  if (result.failures > 0 || result.answers === 0) {
    throw new Error(`${urls[0]}: ${result.failures} of ${result.answers} answers were not 200`)
  }
  return result
}

async function byWrk(
  urls: readonly string[],
  { accept, connections, seconds }: LoadOptions,
  temp: TempFolder,
): Promise<Outcome> {
  const paths = urls.map((url) => `"${new URL(url).pathname}"`)
  const script = temp.join('paths.lua')
  writeFileSync(script, `paths = { ${paths.join(', ')} }\n${WRK_SCRIPT}`)
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '-s', script]
  const [first = ''] = urls
  const { stdout } = await run('wrk', [...flags, '-H', `Accept: ${accept}`, first])
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? 0)
  const socketErrors = /Socket errors:.*$/m.exec(stdout)?.[0].match(/\d+/g) ?? []
  return {
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    answers: number(/(\d+) requests in/),
    longestMs: longestIn(stdout),
    failures: [number(/Non-2xx or 3xx responses: (\d+)/), ...socketErrors.map(Number)].reduce(
      (sum, value) => sum + value,
    ),
  }
}

// `Latency   AVG   STDEV   MAX   SHARE`, each with its own unit.
function longestIn(stdout: string): number {
  const [, value, unit] = /Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)\s/.exec(stdout) ?? []
  return Number(value) * { us: 0.001, ms: 1, s: 1000 }[(unit ?? 'ms') as 'us' | 'ms' | 's']
}

async function byLoop(
  urls: readonly string[],
  { accept, connections, seconds }: LoadOptions,
  temp: TempFolder,
): Promise<Outcome> {
  const list = temp.join('urls.json')
  writeFileSync(list, JSON.stringify(urls))
  const args = [LOOP, list, String(connections), String(seconds), accept]
  const { stdout } = await run(process.execPath, args)
  return JSON.parse(stdout) as Outcome
}
