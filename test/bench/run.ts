// `npm run bench -- [--rounds 5] [--only hits,cold,...] [--runtimes bun,deno] [--json FILE]`: regmirror
// beside the peer that people run and the server that is the limit, as real processes in turn on this
// machine.
// `npm run bench -- --compare OLD.json NEW.json`: two such runs beside each other.
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { run } from '../support/process.ts'
import { provideRuntime } from '../support/runtimes.ts'
import { compare } from './compare.ts'
import { renderComparison } from './compare-table.ts'
import { describeMachine } from './machine.ts'
import { readOptions } from './options.ts'
import { Round } from './part.ts'
import type { Part } from './part.ts'
import { allow } from './parts/allow.ts'
import { cold } from './parts/cold.ts'
import { growth } from './parts/growth.ts'
import { herd } from './parts/herd.ts'
import { hits } from './parts/hits.ts'
import { images } from './parts/images.ts'
import { manifests } from './parts/manifests.ts'
import { memory } from './parts/memory.ts'
import { ranges } from './parts/ranges.ts'
import { segments } from './parts/segments.ts'
import { slow } from './parts/slow.ts'
import { small } from './parts/small.ts'
import { start } from './parts/start.ts'
import { tls } from './parts/tls.ts'
import { warm } from './parts/warm.ts'
import { providePrograms } from './programs.ts'
import { readResults } from './result-file.ts'
import type { ResultFile } from './result-file.ts'
import { Results } from './results.ts'
import { Stage } from './stage.ts'
import { LEGEND, renderCase } from './table.ts'
import { toJson } from './to-json.ts'

const PARTS: Readonly<Record<string, Part>> = {
  ...{ hits, tls, ranges, small, manifests, slow, cold, herd, images },
  ...{ segments, start, memory, warm, growth, allow },
}

const started = performance.now()
try {
  await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), Object.keys(PARTS))
  if (options.compare !== undefined) {
    const [old, now] = options.compare.map(readResults) as [ResultFile, ResultFile]
    return console.log(renderComparison(old, now, compare(old, now)))
  }
  const programs = providePrograms(say)
  for (const runtime of options.runtimes) {
    const missing = provideRuntime(runtime, say)
    if (missing !== undefined) throw new Error(missing)
  }
  const machine = await describeMachine(programs)
  const { cpu, cores, kernel, versions } = machine
  say(`${cpu}, ${cores} cores, ${kernel}, load ${loadAverage()}`)
  say(versions.join(', '))

  const results = new Results()
  await using stage = await Stage.start(programs, options.runtimes, say)
  const measured = []
  for (const name of options.only) {
    const part = PARTS[name]
    const measure = part && (await attempt(results, `${name}, preparing`, () => part(stage)))
    if (measure !== undefined) measured.push({ name, measure })
  }
  // Else the disk may still be writing what was prepared while the first round is measured.
  await run('sync', [])
  for (let number = 0; number < options.rounds; number += 1) {
    for (const { name, measure } of measured) {
      say(`round ${number + 1} of ${options.rounds}: ${name}`)
      const round = new Round(number, name, results)
      await attempt(results, `${name}, round ${number}`, () => measure(round))
    }
  }

  say(`done, load ${loadAverage()}`)
  const blocks = results.cases.map((one) => renderCase(one))
  console.log(['', ...blocks.flatMap((block) => [block, '']), ...LEGEND].join('\n'))
  for (const problem of results.problems) say(`WRONG: ${problem}`)
  if (options.json !== undefined) writeFileSync(options.json, toJson(machine, options, results))
  if (results.problems.length > 0) process.exitCode = 1
}

// A part that fails leaves the others theirs.
async function attempt<T>(
  { problems }: Results,
  what: string,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

function loadAverage(): string {
  return os.loadavg()[0]?.toFixed(1) ?? '?'
}

function say(line: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.error(`bench ${seconds.padStart(4)} s: ${line}`)
}
