// What `regmirror list fmt` does; loaded when it is typed.

import { statSync } from 'node:fs'
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff'
import type { Arguments } from 'yargs'
import { ConfigError } from '../errors.ts'
import type { ListProblem, ListText } from '../list/list-entry.ts'
import type { Naming } from '../list/name-pattern.ts'
import { readListFile, readListInput } from '../list-files/read-list.ts'
import { readTypedFlags } from './flags.ts'
import type { TypedFlags } from './flags.ts'
import { print, say } from './output.ts'
import { replaceFile } from './replace-file.ts'
import { problemSentences } from './warm-lists.ts'

const STDIN = 0
const NOT_WRITTEN = 3
/** More lines that differ take longer than anybody waits, and than anybody reads. */
const DIFF_LINES_MAX = 4000
const CONTROL_PICTURES = 0x2400

interface Formatted {
  readonly name: string
  readonly before: string
  readonly after: string
}

export async function fmt(argv: Arguments): Promise<void> {
  const typed = readTypedFlags(argv, 'list fmt', ['check'], Infinity)
  const isCheck = argv['check'] === true
  const lists = await formatted(typed)
  const changed = lists.filter(({ before, after }) => before !== after)
  if (isCheck) await print(changed.map(diffText).join(''))
  else if (typed.words[0] === '-') await print(lists.map(({ after }) => after).join(''))
  else for (const list of changed) writeInPlace(list)
  if (isCheck && changed.length > 0) {
    const names = changed.map(({ name }) => name).join(', ')
    say(`${names}: not formatted as "regmirror list fmt" would`)
    process.exitCode = 1
  }
}

/** One that cannot be written keeps none of the others from it. */
function writeInPlace(list: Formatted): void {
  const trouble = replaceFile(list.name, list)
  say(trouble ?? `${list.name} was formatted`)
  if (trouble !== undefined) process.exitCode = NOT_WRITTEN
}

/** Throws ConfigError with every problem of all of them. */
async function formatted({ flags, words, problems }: TypedFlags): Promise<readonly Formatted[]> {
  const [{ loadConfig }, { namingOf }, { formatList }] = await Promise.all([
    import('../config/load.ts'),
    import('../open-access.ts'),
    import('../list/format.ts'),
  ])
  // The value of a flag that is mistyped is no word, so that one may seem to lack.
  const wrongWords = problems.length > 0 ? [] : wordProblems(words)
  const { config } = loadConfig(flags, [...problems, ...wrongWords])
  const naming: Naming = namingOf(config)
  const lists: Formatted[] = []
  const unread: string[] = []
  const wrong: ListProblem[] = []
  for (const word of new Set(words)) {
    const read = readWord(word)
    if ('problem' in read) {
      unread.push(read.problem)
      continue
    }
    const { name, text } = read.list
    const format = formatList(read.list, naming)
    if ('text' in format) lists.push({ name, before: text, after: format.text })
    else wrong.push(...format.problems.map((problem) => ({ ...problem, source: name })))
  }
  if (unread.length + wrong.length === 0) return lists
  throw new ConfigError([...unread, ...problemSentences(wrong, 'nothing was changed')])
}

function wordProblems(words: readonly string[]): readonly string[] {
  if (words.length === 0) return ['name a list: regmirror list fmt mirror.txt']
  const isInputOfMany = words.length > 1 && words.includes('-')
  return isInputOfMany ? ['"-" is the standard input and stands alone'] : []
}

type ReadWord = { readonly list: ListText } | { readonly problem: string }

/** What it includes and cannot be read may give no registry a name, and is told by `list lint`. */
function readWord(word: string): ReadWord {
  if (isPipe(word)) {
    return { problem: `${word} is not a file: give it as the standard input, with "-"` }
  }
  const { list, problems } =
    word === '-' ? readListInput(STDIN, 'standard input') : readListFile(word)
  return list ? { list } : { problem: problems.join(', ') }
}

/** Or a device, which has no place to put a text in. */
function isPipe(word: string): boolean {
  if (word === '-') return false
  try {
    const found = statSync(word, { throwIfNoEntry: false })
    return found !== undefined && !found.isFile() && !found.isDirectory()
  } catch {
    return false
  }
}

function diffText({ name, before, after }: Formatted): string {
  const patch = createTwoFilesPatch(name, `${name} (formatted)`, before, after, '', '', {
    context: 3,
    headerOptions: FILE_HEADERS_ONLY,
    maxEditLength: DIFF_LINES_MAX,
  })
  return patch === undefined ? `${name}: nearly every line would change\n` : visible(patch)
}

/** What a terminal would take for more than text, as a sign for it: of a carriage return, `␍`. */
function visible(text: string): string {
  return text.replaceAll(/[[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]--[\n\t]]/gv, (sign) => {
    const code = sign.charCodeAt(0)
    return code < 0x20 ? String.fromCharCode(CONTROL_PICTURES + code) : '\uFFFD'
  })
}
