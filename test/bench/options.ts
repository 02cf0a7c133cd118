// What `npm run bench -- ...` can be told.
import { parseArgs } from 'node:util'

export interface Options {
  readonly rounds: number
  readonly only: readonly string[] // parts by name; default: all
  readonly json: string | undefined
}

export function readOptions(args: readonly string[], parts: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '5' },
      only: { type: 'string', default: parts.join(',') },
      json: { type: 'string' },
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
  return { rounds, only, json: values.json }
}
