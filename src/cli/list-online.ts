// `list lint --online`: what of the lists does not exist upstream.

import type { Arguments } from 'yargs'
import type { WarmResult } from '../care/warm-job.ts'
import { ConfigError } from '../errors.ts'
import type { ListText } from '../list/list-entry.ts'
import type { Finding } from '../list/lint.ts'
import { parseList } from '../list/parse-list.ts'
import type { TypedFlags } from './flags.ts'
import { isUntold, isWrong, lookUp, NOT_ASKED } from './list-look-up.ts'
import { say } from './output.ts'
import { readWarmOptions } from './warm-options.ts'
import { count, failureLine, isSourceNamed, placesOf } from './warm-words.ts'

export interface Missing {
  readonly findings: readonly Finding[]
  readonly exitCode: number
}

const UNTOLD_SHOWN_MAX = 5

export async function findMissing(
  lists: readonly ListText[],
  found: readonly Finding[],
  typed: TypedFlags,
  argv: Arguments,
): Promise<Missing> {
  const parsed = lists.map((list) => parseList(list))
  if (parsed.some(({ problems }) => problems.length > 0)) {
    say('upstream is asked once every line is right')
    return { findings: [], exitCode: 0 }
  }
  const { options, problems } = readWarmOptions(argv, Date.now())
  if (problems.length > 0) throw new ConfigError(problems)
  const results: WarmResult[] = []
  const ask = { ...options.ask, mode: 'check', sources: lists } as const
  const { exitCode } = await lookUp(ask, typed, (row) => {
    if (row.kind === 'result') results.push(row)
  })
  const untold = results.filter(isUntold)
  const names = lists.map(({ name }) => name)
  sayUntold(untold, isSourceNamed(names, placesOf(results)))
  return {
    findings: results.filter(isWrong).flatMap((result) => {
      const findings = missing(result)
      // Whether a registry is served needs nobody to be asked.
      if (result.cause !== 'not-served') return findings
      return findings.filter((each) => !found.some((other) => isAtSameLine(each, other)))
    }),
    exitCode: exitCode || (untold.length > 0 ? NOT_ASKED : 0),
  }
}

function isAtSameLine(one: Finding, other: Finding): boolean {
  return one.source === other.source && one.line === other.line
}

/** In every line that means it. */
function missing({ reference, places, because, remedy }: WarmResult): readonly Finding[] {
  const what = because?.startsWith(reference)
    ? because
    : `${reference}: ${because ?? 'it is not there'}`
  const message = remedy === undefined ? what : `${what}; ${remedy}`
  return places.map((place) => ({ ...place, column: 1, message }))
}

function sayUntold(untold: readonly WarmResult[], isNamed: boolean): void {
  for (const result of untold.slice(0, UNTOLD_SHOWN_MAX)) say(failureLine(result, isNamed))
  const more = untold.length - UNTOLD_SHOWN_MAX
  if (more > 0) say(`and ${count(more, 'more image')} that nobody could tell anything of`)
}
