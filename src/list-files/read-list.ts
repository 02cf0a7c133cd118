// A list as a file and everything it includes → its texts, for the parser to put together.

import { realpathSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Included, ListProblem, ListText } from '../list/list-entry.ts'
import { readWords, unquoted } from '../list/words.ts'
import type { Word } from '../list/words.ts'
import { problemLine } from './problem-lines.ts'
import { LISTS_MAX_BYTES, readFileText, readKeptText, readText, tooLong } from './read-text.ts'
import type { ReadText } from './read-text.ts'

const INCLUDE_DEPTH_MAX = 16
const INCLUDED_FILES_MAX = 256

export interface ReadList {
  /** Undefined: the list itself could not be read. What it includes and could not be read is not in it. */
  readonly list: ListText | undefined
  /** Sentences; those about an `@include` begin with its place, `FILE:LINE:COLUMN: `. */
  readonly problems: readonly string[]
  /** Those about an `@include`, each with its place. */
  readonly notIncluded: readonly ListProblem[]
  /** Absolute: every file that was read, or that was to be. */
  readonly files: readonly string[]
}

/** `path` is the file as it was named, relative to the working directory. */
export function readListFile(path: string): ReadList {
  return listOf(path, readFileText(path))
}

/** One that is read again and again. */
export function readKeptList(path: string): ReadList {
  return listOf(path, readKeptText(path))
}

function listOf(path: string, read: ReadText): ReadList {
  const absolute = resolve(path)
  if ('problem' in read) return unread(read.problem, [absolute])
  const stays = isFile(absolute) && !absolute.startsWith('/dev/')
  const list = { name: path, path: stays ? absolute : undefined, text: read.text }
  return withIncludes({ list, absolute, real: realPath(absolute) })
}

/** What it includes is looked for in the working directory. */
export function readListInput(file: number, name: string): ReadList {
  const read = readInput(file, name)
  if ('problem' in read) return unread(read.problem, [])
  return withIncludes({ list: { name, text: read.text }, absolute: undefined, real: undefined })
}

function unread(problem: string, files: readonly string[]): ReadList {
  return { list: undefined, problems: [problem], notIncluded: [], files }
}

function readInput(file: number, name: string): ReadText {
  try {
    return readText(file, name)
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    return { problem: `${name} cannot be read (${code})` }
  }
}

/** Of the list and everything it includes. */
export function listBytes({ text, includes = [] }: ListText): number {
  return includes.reduce((sum, { list }) => sum + listBytes(list), Buffer.byteLength(text))
}

/** A list that was read, and where its file is; undefined: it has none. */
interface ListFile {
  readonly list: ListText
  readonly absolute: string | undefined
  readonly real: string | undefined
}

function withIncludes(file: ListFile): ReadList {
  const reading = new Reading()
  const list = reading.complete(file, [])
  const files = [...(file.absolute === undefined ? [] : [file.absolute]), ...reading.files]
  const { notIncluded } = reading
  const problems = notIncluded.map(problemLine)
  return { list, problems, notIncluded, files: [...new Set(files)] }
}

type Found = { readonly found: ListFile } | { readonly problem: string }

/** One list with everything it includes, while that is being read. */
class Reading {
  readonly notIncluded: ListProblem[] = []
  readonly files: string[] = []
  #bytes = 0

  /** `above`: the files that include one another down to this one. */
  complete(file: ListFile, above: readonly ListFile[]): ListText {
    const { list } = file
    this.#bytes += Buffer.byteLength(list.text)
    const includes: Included[] = []
    for (const { line, column, named } of includeLines(list.text)) {
      const read = this.#include(named, [...above, file])
      if ('found' in read) {
        includes.push({ line, list: this.complete(read.found, [...above, file]) })
      } else this.notIncluded.push({ source: list.name, line, column, message: read.problem })
    }
    return includes.length === 0 ? list : { ...list, includes }
  }

  #include(named: string, above: readonly ListFile[]): Found {
    const from = above.at(-1)
    const base = from?.absolute === undefined ? '' : dirname(from.list.name)
    const name = named.startsWith('/') ? named : join(base, named)
    const absolute = resolve(name)
    this.files.push(absolute)
    const limit = this.#limit(above.length)
    if (limit !== undefined) return { problem: limit }
    const read = readKeptText(name)
    if ('problem' in read) return read
    const real = realPath(absolute)
    const again = above.findIndex((each) => each.real === real)
    if (again >= 0) return { problem: circle([...above.slice(again).map(nameOf), name]) }
    if (this.#bytes + Buffer.byteLength(read.text) > LISTS_MAX_BYTES) {
      return { problem: tooLong('with this the list is', 'split it into several lists') }
    }
    return { found: { list: { name, path: absolute, text: read.text }, absolute, real } }
  }

  #limit(depth: number): string | undefined {
    if (depth > INCLUDE_DEPTH_MAX) {
      return `lists include one another at most ${INCLUDE_DEPTH_MAX} deep: name this file higher up`
    }
    if (this.files.length <= INCLUDED_FILES_MAX) return undefined
    return `a list includes at most ${INCLUDED_FILES_MAX} files: put several of them into one`
  }
}

interface IncludeLine {
  readonly line: number
  readonly column: number
  readonly named: string
}

const INCLUDE = '@include'
const ADDRESS = /^[a-z][a-z0-9+.-]*:\/\//i

/** Those that name one file; what is wrong with the others, the parser tells. */
function includeLines(text: string): readonly IncludeLine[] {
  return text.split('\n').flatMap((typed, index) => {
    if (!typed.includes(INCLUDE)) return []
    const line = typed.replace(/^\uFEFF/, '').replace(/\r$/, '')
    const named = includedFile(line)
    if (named === undefined || ADDRESS.test(named.text)) return []
    const column = Array.from(line.slice(0, named.at)).length + 1
    return [{ line: index + 1, column, named: named.text }]
  })
}

function includedFile(line: string): Word | undefined {
  const read = readWords(line)
  if ('mistake' in read) return undefined
  const [directive, file, ...more] = read.value.words
  if (directive?.text !== INCLUDE || more.length > 0) return undefined
  return file && unquoted(file)
}

function circle(names: readonly string[]): string {
  return `the list includes itself: ${names.join(' includes ')}`
}

function nameOf({ list }: ListFile): string {
  return list.name
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
