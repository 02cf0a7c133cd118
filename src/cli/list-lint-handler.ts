// What `regmirror list lint` does; loaded when it is typed.

import { resolve } from 'node:path'
import type { Arguments } from 'yargs'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../errors.ts'
import type { Access } from '../list/access.ts'
import type { ListProblem, ListText } from '../list/list-entry.ts'
import type { Finding, LintFacts } from '../list/lint.ts'
import { readListFile, readListInput } from '../list-files/read-list.ts'
import { explainFailure } from './failure.ts'
import { readTypedFlags } from './flags.ts'
import type { TypedFlags } from './flags.ts'
import { findingAsJson, findingLine, lintSentence, mendedLine } from './list-findings.ts'
import { findMissing } from './list-online.ts'
import { print, say } from './output.ts'
import { replaceFile } from './replace-file.ts'
import { failureExitCode } from './warm-exit.ts'

const STDIN = 0
const NOT_WRITTEN = 3
/** What was put right may show what else there is. */
const ROUNDS_MAX = 8

export async function lint(argv: Arguments): Promise<void> {
  const own = ['fix', 'online', 'platform', 'json']
  const typed = readTypedFlags(argv, 'list lint', own, Infinity)
  try {
    process.exitCode = await lintLists(typed, argv)
  } catch (error) {
    const exitCode = failureExitCode(error)
    if (exitCode === undefined) throw error
    explainFailure(error).sentences.forEach(say)
    process.exitCode = exitCode
  }
}

async function lintLists(typed: TypedFlags, argv: Arguments): Promise<number> {
  const isFixed = argv['fix'] === true
  // The value of a flag that is mistyped is no word, so that one may seem to lack.
  const wrongWords = typed.problems.length > 0 ? [] : wordProblems(typed.words, isFixed)
  const read = readAll(wrongWords.length > 0 ? [] : typed.words)
  const { loadConfig } = await import('../config/load.ts')
  const problems = [...typed.problems, ...wrongWords, ...read.problems]
  const { config } = loadConfig(typed.flags, problems)
  const factsOf = await factsOfLists(config, typed.words)
  const exitCode = isFixed && !(await mendAll(read, factsOf)) ? NOT_WRITTEN : 0
  // As they are now.
  const { lists, notIncluded } = isFixed ? readAll(typed.words) : read
  const found = await findAll({ lists, notIncluded }, factsOf)
  const isAsked = argv['online'] === true
  const online = isAsked ? await findMissing(lists, found, typed, argv) : undefined
  const { inOrder } = await import('../list/lint.ts')
  const findings = inOrder([...found, ...(online?.findings ?? [])])
  if (argv['json'] === true) {
    await print(`${JSON.stringify(findings.map(findingAsJson), undefined, 2)}\n`)
  } else await print(findings.map((finding) => `${findingLine(finding)}\n`).join(''))
  say(
    lintSentence(
      findings,
      lists.map(({ name }) => name),
      online === undefined || online.exitCode === 0,
    ),
  )
  return exitCode || online?.exitCode || (findings.length > 0 ? 1 : 0)
}

function wordProblems(words: readonly string[], isFixed: boolean): readonly string[] {
  if (words.length === 0) return ['name a list: regmirror list lint mirror.txt']
  const isInputFixed = isFixed && words.includes('-')
  return isInputFixed ? ['--fix changes files, and "-" is the standard input: name a file'] : []
}

interface ReadLists {
  readonly lists: readonly ListText[]
  /** What is wrong with their `@include` lines. */
  readonly notIncluded: readonly ListProblem[]
}

function readAll(words: readonly string[]): ReadLists & { readonly problems: readonly string[] } {
  const read = [...new Set(words)].map((word) =>
    word === '-' ? readListInput(STDIN, 'standard input') : readListFile(word),
  )
  return {
    lists: read.flatMap(({ list }) => list ?? []),
    notIncluded: read.flatMap(({ notIncluded }) => notIncluded),
    problems: read.flatMap(({ list, problems }) => (list ? [] : problems)),
  }
}

type FactsOf = (list: ListText) => LintFacts

async function factsOfLists(config: Config, words: readonly string[]): Promise<FactsOf> {
  const [{ namingOf, openAccess }, { silentLog }] = await Promise.all([
    import('../open-access.ts'),
    import('../lib/log.ts'),
  ])
  const open = (): Promise<Access | undefined> => openAccess(config, silentLog)
  const facts = { naming: namingOf(config), access: await openOrLinted(open, config, words) }
  const rulings = new Map([
    [config.allow, 'allows'],
    [config.block, 'blocks'],
  ] as const)
  return ({ path }) => ({ ...facts, ruling: path === undefined ? undefined : rulings.get(path) })
}

/** What is wrong with the lists of --allow and --block is a finding where it is these that are looked at. */
async function openOrLinted(
  open: () => Promise<Access | undefined>,
  { allow, block }: Config,
  words: readonly string[],
): Promise<Access | undefined> {
  try {
    return await open()
  } catch (error) {
    const looked = words.map((word) => resolve(word))
    const isLooked = [allow, block].some((file) => file !== undefined && looked.includes(file))
    if (error instanceof ConfigError && isLooked) return undefined
    throw error
  }
}

async function findAll(
  { lists, notIncluded }: ReadLists,
  factsOf: FactsOf,
): Promise<readonly Finding[]> {
  const [{ parseList }, { lintList }] = await Promise.all([
    import('../list/parse-list.ts'),
    import('../list/lint.ts'),
  ])
  const found = lists.flatMap((list) => lintList(parseList(list), factsOf(list)))
  const placeOf = ({ source, line }: ListProblem): string => `${source}:${line}`
  const places = new Set(notIncluded.map(placeOf))
  // Why a file was not included says more than that it was not.
  return [...notIncluded, ...found.filter((finding) => !places.has(placeOf(finding)))]
}

/** Says what it changed. False: a list could not be written; that keeps none of the others from it. */
async function mendAll({ lists }: ReadLists, factsOf: FactsOf): Promise<boolean> {
  let isWritten = true
  for (const list of lists) {
    const { text, said } = await mended(list, factsOf)
    if (text === list.text) continue
    const trouble = replaceFile(list.name, { before: list.text, after: text })
    if (trouble === undefined) said.forEach(say)
    else {
      say(trouble)
      isWritten = false
    }
  }
  return isWritten
}

interface Mended {
  readonly text: string
  readonly said: readonly string[]
}

async function mended(list: ListText, factsOf: FactsOf): Promise<Mended> {
  const { mendList } = await import('../list/mend.ts')
  const said: string[] = []
  let now = list
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    const next = mendList(now, await findAll({ lists: [now], notIncluded: [] }, factsOf))
    if (next.lines.length === 0) break
    said.push(...next.lines.map((line) => mendedLine(list.name, line)))
    now = next.list
  }
  return { text: now.text, said }
}
