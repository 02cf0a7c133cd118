// `regmirror list lint`: what is wrong with a list, and what is understood and hardly meant so.

import { resolve } from 'node:path'
import type { Arguments, CommandModule } from 'yargs'
import type { Config } from '../config/config.ts'
import { ConfigError } from '../errors.ts'
import type { Access } from '../list/access.ts'
import type { ListText } from '../list/list-entry.ts'
import type { Finding, LintFacts } from '../list/lint.ts'
import { readListFile, readListInput } from '../list-files/read-list.ts'
import { explainFailure } from './failure.ts'
import { OTHERS_ACCEPTED, readTypedFlags, storeOptions } from './flags.ts'
import type { TypedFlags } from './flags.ts'
import { findingAsJson, findingLine, lintSentence, mendedLine } from './list-findings.ts'
import { findMissing } from './list-online.ts'
import { print, say } from './output.ts'
import { replaceFile } from './replace-file.ts'
import { failureExitCode } from './warm-exit.ts'
import { warmOptions } from './warm-options.ts'

const DESCRIBE = 'find what is wrong or superfluous in lists'
const STDIN = 0
/** What was put right may show what else there is. */
const ROUNDS_MAX = 8

const flag = (describe: string) => ({ type: 'boolean', group: 'Options:', describe }) as const

export const listLintCommand = {
  command: 'lint',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 list lint FILE... | - [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 list lint mirror.txt', 'wrong and renamed names, duplicates, lines others cover'],
        ['$0 list lint --fix mirror.txt', 'put right what is clear'],
        ['$0 list lint --online mirror.txt', 'ask the registries, too, whether all of it exists'],
      ])
      .options({
        fix: flag('put right in the file what has one remedy'),
        online: flag('ask upstream for every repository and tag, and fetch nothing'),
        platform: warmOptions.platform,
        json: flag('as JSON instead of lines'),
        ...storeOptions('registry', 'default-registry', 'alias', 'allow', 'block'),
      })
      .epilogue(
        `Exit codes:
  0    nothing was found
  1    something was found, and is printed
  2    a list cannot be read, or the command is wrong
  3    --online: not everything could be asked
  130  interrupted

${OTHERS_ACCEPTED}`,
      ),
  handler: lint,
} as const satisfies CommandModule

async function lint(argv: Arguments): Promise<void> {
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
  const { lists, problems } = readAll(typed.words, argv['fix'] === true)
  const { loadConfig } = await import('../config/load.ts')
  const { config } = loadConfig(typed.flags, [...typed.problems, ...problems])
  const facts = await factsOf(config, typed.words)
  const mended = argv['fix'] === true ? await mendAll(lists, facts) : lists
  const found = await findAll(mended, facts)
  const isAsked = argv['online'] === true
  const online = isAsked ? await findMissing(mended, typed, argv) : undefined
  const { inOrder } = await import('../list/lint.ts')
  const findings = inOrder([...found, ...(online?.findings ?? [])])
  if (argv['json'] === true) {
    await print(`${JSON.stringify(findings.map(findingAsJson), undefined, 2)}\n`)
  } else await print(findings.map((finding) => `${findingLine(finding)}\n`).join(''))
  say(
    lintSentence(
      findings,
      lists.map(({ name }) => name),
    ),
  )
  return online?.exitCode || (findings.length > 0 ? 1 : 0)
}

function readAll(
  words: readonly string[],
  isFixed: boolean,
): { readonly lists: readonly ListText[]; readonly problems: readonly string[] } {
  if (words.length === 0)
    return { lists: [], problems: ['name a list: regmirror list lint mirror.txt'] }
  if (isFixed && words.includes('-')) {
    return {
      lists: [],
      problems: ['--fix changes files, and "-" is the standard input: name a file'],
    }
  }
  const read = [...new Set(words)].map((word) =>
    word === '-' ? readListInput(STDIN, 'standard input') : readListFile(word),
  )
  return {
    lists: read.flatMap(({ list }) => list ?? []),
    problems: read.flatMap(({ problems }) => problems),
  }
}

async function factsOf(config: Config, words: readonly string[]): Promise<LintFacts> {
  const [{ namingOf, openAccess }, { silentLog }] = await Promise.all([
    import('../open-mirror.ts'),
    import('../lib/log.ts'),
  ])
  const open = (): Access | undefined => openAccess(config, silentLog)
  return { naming: namingOf(config), access: openOrLinted(open, config, words) }
}

/** What is wrong with the lists of --allow and --block is a finding where it is these that are looked at. */
function openOrLinted(
  open: () => Access | undefined,
  { allow, block }: Config,
  words: readonly string[],
): Access | undefined {
  try {
    return open()
  } catch (error) {
    const looked = words.map((word) => resolve(word))
    const isLooked = [allow, block].some((file) => file !== undefined && looked.includes(file))
    if (error instanceof ConfigError && isLooked) return undefined
    throw error
  }
}

async function findAll(lists: readonly ListText[], facts: LintFacts): Promise<readonly Finding[]> {
  const [{ parseList }, { lintList }] = await Promise.all([
    import('../list/parse-list.ts'),
    import('../list/lint.ts'),
  ])
  return lists.flatMap((list) => lintList(parseList(list), facts))
}

/** Says what it changed. */
async function mendAll(lists: readonly ListText[], facts: LintFacts): Promise<readonly ListText[]> {
  const { mendList } = await import('../list/mend.ts')
  const all: ListText[] = []
  for (const list of lists) {
    let mended = list
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const next = mendList(mended, await findAll([mended], facts))
      if (next.lines.length === 0) break
      for (const line of next.lines) say(mendedLine(list.name, line))
      mended = next.list
    }
    if (mended !== list) replaceFile(list.name, mended.text)
    all.push(mended)
  }
  return all
}
