// `regmirror list fmt`: lists in one form, sorted, each line once.

import { statSync } from 'node:fs'
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'
import type { Arguments, CommandModule } from 'yargs'
import { ConfigError } from '../errors.ts'
import type { ListProblem } from '../list/list-entry.ts'
import type { Naming } from '../list/name-pattern.ts'
import { readFileText, readText } from '../list-files/read-text.ts'
import type { ReadText } from '../list-files/read-text.ts'
import { readTypedFlags, storeOptions } from './flags.ts'
import type { TypedFlags } from './flags.ts'
import { print, say } from './output.ts'
import { replaceFile } from './replace-file.ts'
import { problemLines } from './warm-lists.ts'

const DESCRIBE = 'sort lists and write each line in one form, once'
const STDIN = 0
/** More lines that differ take longer than anybody waits, and than anybody reads. */
const DIFF_LINES_MAX = 4000

export const listFmtCommand = {
  command: 'fmt',
  describe: DESCRIBE,
  builder: (parser) =>
    parser
      .usage(`$0 list fmt FILE... | - [OPTION]...\n\n${DESCRIBE}`)
      .example([
        ['$0 list fmt mirror.txt', 'in its place; comments stay with the lines they are above'],
        ['$0 list fmt --check *.txt', 'for a hook: print what would change'],
        ['$0 list fmt - < mirror.txt', 'to stdout'],
      ])
      .options({
        check: {
          type: 'boolean',
          group: 'Options:',
          describe: 'change nothing; print what would be changed (exit code 1: there is something)',
        },
        ...storeOptions('registry', 'default-registry', 'alias'),
      }),
  handler: fmt,
} as const satisfies CommandModule

interface Formatted {
  readonly name: string
  readonly before: string
  readonly after: string
}

async function fmt(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'list fmt', ['check'], Infinity)
  const isCheck = argv['check'] === true
  const lists = await formatted(typed)
  const changed = lists.filter(({ before, after }) => before !== after)
  if (isCheck) await print(changed.map(diffText).join(''))
  else if (typed.words[0] === '-') await print(lists.map(({ after }) => after).join(''))
  else {
    for (const { name, after } of changed) {
      replaceFile(name, after)
      say(`${name} was formatted`)
    }
  }
  if (isCheck && changed.length > 0) {
    const names = changed.map(({ name }) => name).join(', ')
    say(`${names}: not formatted as "regmirror list fmt" would`)
    process.exitCode = 1
  }
}

/** Throws ConfigError with every problem of all of them. */
async function formatted({ flags, words, problems }: TypedFlags): Promise<readonly Formatted[]> {
  const [{ loadConfig }, { namingOf }, { formatList }] = await Promise.all([
    import('../config/load.ts'),
    import('../open-mirror.ts'),
    import('../list/format.ts'),
  ])
  const { config } = loadConfig(flags, [...problems, ...wordProblems(words)])
  const naming: Naming = namingOf(config)
  const lists: Formatted[] = []
  const unread: string[] = []
  const wrong: ListProblem[] = []
  for (const word of words) {
    const read = readWord(word)
    if ('problem' in read) {
      unread.push(read.problem)
      continue
    }
    const name = word === '-' ? 'standard input' : word
    const format = formatList(read.text, naming)
    if ('text' in format) lists.push({ name, before: read.text, after: format.text })
    else wrong.push(...format.problems.map((problem) => ({ ...problem, source: name })))
  }
  if (unread.length + wrong.length === 0) return lists
  throw new ConfigError([...unread, ...problemLines(wrong, 'nothing was changed')])
}

function wordProblems(words: readonly string[]): readonly string[] {
  if (words.length === 0) return ['name a list: regmirror list fmt mirror.txt']
  const isInputOfMany = words.length > 1 && words.includes('-')
  return isInputOfMany ? ['"-" is the standard input and stands alone'] : []
}

function readWord(word: string): ReadText {
  if (word === '-') return readText(STDIN, 'standard input')
  const found = statSync(word, { throwIfNoEntry: false })
  if (found === undefined || found.isFile() || found.isDirectory()) return readFileText(word)
  return { problem: `${word} is not a file: give it as the standard input, with "-"` }
}

function diffText({ name, before, after }: Formatted): string {
  const patch = createTwoFilesPatch(name, `${name} (formatted)`, before, after, '', '', {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
    maxEditLength: DIFF_LINES_MAX,
  })
  return patch ?? `${name}: nearly every line would change\n`
}
