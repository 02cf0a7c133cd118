// What `npm run bench -- ...` can be told.
import { parseArgs } from 'node:util'
import { isRuntime, RUNTIMES } from '../support/runtimes.ts'
import type { Runtime } from '../support/runtimes.ts'

export interface Options {
  readonly rounds: number
  readonly only: readonly string[] // parts by name; default: all
  readonly runtimes: readonly Runtime[] // beside Node, in hits, manifests and cold
  readonly json: string | undefined
  readonly compare: readonly [old: string, now: string] | undefined // files of `json`: nothing is run
}

export function readOptions(args: readonly string[], parts: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      only: { type: 'string', default: parts.join(',') },
      runtimes: { type: 'string', default: '' },
      json: { type: 'string' },
      compare: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (!Number.isSafeInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds ${values.rounds}: a number from 1 is needed`)
  }
  const only = values.only.split(',').filter((name) => name !== '')
  const unknown = only.filter((name) => !parts.includes(name))
  if (unknown.length > 0) {
    throw new Error(`--only ${unknown.join(',')}: the parts are ${parts.join(', ')}`)
  }
  const compare = filesOf(positionals, values.compare)
  return { rounds, only, runtimes: runtimesOf(values.runtimes), json: values.json, compare }
}

function runtimesOf(text: string): readonly Runtime[] {
  const names = text.split(',').filter((name) => name !== '')
  const known = names.filter(isRuntime)
  if (known.length === names.length) return known
  throw new Error(`--runtimes ${text}: the runtimes beside Node are ${RUNTIMES.join(', ')}`)
}

function filesOf(files: readonly string[], isComparing: boolean): Options['compare'] {
  const [old, now, ...more] = files
  if (!isComparing && old !== undefined) throw new Error(`${old}: only --compare takes files`)
  if (!isComparing) return undefined
  if (old === undefined || now === undefined || more.length > 0) {
    throw new Error('--compare takes two files that --json wrote: OLD.json NEW.json')
  }
  return [old, now]
}
