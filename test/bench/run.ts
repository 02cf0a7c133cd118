// `npm run bench -- [--rounds 5] [--only hits,cold,...] [--json FILE]`: regmirror beside the peer
// that people run and the server that is the limit, as real processes in turn on this machine.
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { run } from '../support/process.ts'
import { describeMachine } from './machine.ts'
import { readOptions } from './options.ts'
import { Round } from './part.ts'
import type { Part } from './part.ts'
import { allow } from './parts/allow.ts'
import { cold } from './parts/cold.ts'
import { herd } from './parts/herd.ts'
import { hits } from './parts/hits.ts'
import { index } from './parts/index.ts'
import { manifests } from './parts/manifests.ts'
import { providePrograms } from './programs.ts'
import { Results } from './results.ts'
import { Stage } from './stage.ts'
import { LEGEND, renderCase } from './table.ts'
import { toJson } from './to-json.ts'

const PARTS: Readonly<Record<string, Part>> = { hits, manifests, cold, herd, index, allow }

const started = performance.now()
try {
  await main()
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2), Object.keys(PARTS))
  const programs = providePrograms(say)
  const machine = await describeMachine(programs)
  const { cpu, cores, kernel, versions } = machine
  say(`${cpu}, ${cores} cores, ${kernel}, load ${loadAverage()}`)
  say(versions.join(', '))

  const results = new Results()
  await using stage = await Stage.start(programs, say)
  const measured = []
  for (const name of options.only) {
    const part = PARTS[name]
    if (part !== undefined) measured.push({ name, measure: await part(stage) })
  }
  // Else the disk may still be writing what was prepared while the first round is measured.
  await run('sync', [])
  for (let number = 0; number < options.rounds; number += 1) {
    for (const { name, measure } of measured) {
      say(`round ${number + 1} of ${options.rounds}: ${name}`)
      await measure(new Round(number, name, results))
    }
  }

  say(`done, load ${loadAverage()}`)
  const blocks = results.cases.map((one) => renderCase(one))
  console.log(['', ...blocks.flatMap((block) => [block, '']), ...LEGEND].join('\n'))
  for (const problem of results.problems) say(`WRONG: ${problem}`)
  if (options.json !== undefined) writeFileSync(options.json, toJson(machine, options, results))
  if (results.problems.length > 0) process.exitCode = 1
}

function loadAverage(): string {
  return os.loadavg()[0]?.toFixed(1) ?? '?'
}

function say(line: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.error(`bench ${seconds.padStart(4)} s: ${line}`)
}
