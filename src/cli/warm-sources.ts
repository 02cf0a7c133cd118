// The words behind `warm`: files, `-` and references → the texts of lists.

import { statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { quote } from '../config/wording.ts'
import type { ListText } from '../list/list-entry.ts'
import { listBytes, readListFile, readListInput } from '../list-files/read-list.ts'
import { LISTS_MAX_BYTES, noFile, tooLong } from '../list-files/read-text.ts'

const STDIN = 0
/** Of references that were typed. */
export const COMMAND_LINE = 'command line'

export interface ReadSources {
  readonly sources: readonly ListText[]
  readonly problems: readonly string[]
}

/** References keep the order in which they were typed; together they are one list. */
export function readSources(words: readonly string[]): ReadSources {
  const lists: ListText[] = []
  const references: string[] = []
  const problems: string[] = []
  for (const word of words) {
    const isFile = word === '-' || isListFile(word)
    if (isFile) {
      const read = word === '-' ? readStdin(words) : readList(word)
      problems.push(...read.problems)
      if (read.list !== undefined) lists.push(read.list)
      continue
    }
    const problem = wordProblem(word)
    if (problem === undefined) references.push(word)
    else problems.push(problem)
  }
  const typed = { name: COMMAND_LINE, text: references.join('\n') }
  const sources = references.length === 0 ? lists : [...lists, typed]
  const bytes = sources.reduce((sum, list) => sum + listBytes(list), 0)
  if (bytes > LISTS_MAX_BYTES) {
    problems.push(tooLong('the lists together are', 'give a part of them to each of several runs'))
  }
  return { sources, problems: [...new Set(problems)] }
}

/** Of what is to be a reference; undefined: none. */
function wordProblem(word: string): string | undefined {
  if (word.trim() === '' || /[\r\n]/.test(word)) {
    return `${quote(word)} names no image: a name stands in one line`
  }
  if (!/^\s*@include(?:\s|$)/.test(word)) return undefined
  return `${quote(word)} can stand in a file only: name the list itself`
}

/** An existing file, and what can only have been meant as one. */
export function isListFile(word: string): boolean {
  if (/^\.{0,2}\/|\/$|\.txt$/i.test(word)) return true
  const found = stats(word)
  if (found !== undefined) return !found.isDirectory()
  return NAMES_NO_IMAGE.test(word)
}

/** `mirror.lst`: a host without a repository. */
const NAMES_NO_IMAGE = /^[^/:@\s]+\.[^/:@\s]+$/

function stats(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

type Read = Pick<ReturnType<typeof readListFile>, 'list' | 'problems'>

function readStdin(words: readonly string[]): Read {
  if (words.filter((word) => word === '-').length > 1) {
    return refused('"-" is the standard input and can be read once')
  }
  return readListInput(STDIN, 'standard input')
}

function readList(path: string): Read {
  const isMissing = NAMES_NO_IMAGE.test(path) && stats(path) === undefined
  return isMissing ? refused(noFile(path, ', and it names no image')) : readListFile(path)
}

function refused(problem: string): Read {
  return { list: undefined, problems: [problem] }
}
