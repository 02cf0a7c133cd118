// The words behind `warm`: files, `-` and references → the texts of lists.

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { WarmSource } from '../care/warm-job.ts'
import { quote } from '../config/wording.ts'
import { nearest } from '../lib/nearest.ts'

/** Of all lists together; they cross the socket in one ask (owner/wire.ts). */
export const LISTS_MAX_BYTES = 2 * 1024 * 1024
const READ_BYTES = 64 * 1024
const STDIN = 0
/** Of references that were typed. */
export const COMMAND_LINE = 'command line'

export interface ReadSources {
  readonly sources: readonly WarmSource[]
  readonly problems: readonly string[]
}

interface Read {
  readonly text: string
}
interface Refused {
  readonly problem: string
}

/** References keep the order in which they were typed; together they are one list. */
export function readSources(words: readonly string[]): ReadSources {
  const lists: WarmSource[] = []
  const references: string[] = []
  const problems: string[] = []
  for (const word of words) {
    const found = word === '-' ? readStdin(words) : isListFile(word) ? readList(word) : undefined
    if (found === undefined) {
      if (isReference(word)) references.push(word)
      else problems.push(`${quote(word)} names no image: a name stands in one line`)
    } else if ('problem' in found) problems.push(found.problem)
    else lists.push({ name: word === '-' ? 'standard input' : word, text: found.text })
  }
  const typed = { name: COMMAND_LINE, text: references.join('\n') }
  const sources = references.length === 0 ? lists : [...lists, typed]
  const bytes = sources.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0)
  if (bytes > LISTS_MAX_BYTES) problems.push(tooLong('the lists together are'))
  return { sources, problems: [...new Set(problems)] }
}

function isReference(word: string): boolean {
  return word.trim() !== '' && !/[\r\n]/.test(word)
}

/** An existing file, and what can only have been meant as one. */
function isListFile(word: string): boolean {
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

function readStdin(words: readonly string[]): Read | Refused {
  if (words.filter((word) => word === '-').length > 1) {
    return { problem: '"-" is the standard input and can be read once' }
  }
  return read(STDIN, 'the standard input')
}

function readList(path: string): Read | Refused {
  try {
    if (statSync(path).isDirectory()) return { problem: `${path} is a folder: name the list in it` }
    const file = openSync(path, 'r')
    try {
      return read(file, path)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return { problem: unreadable(path, error) }
  }
}

function read(file: number, name: string): Read | Refused {
  const parts: Buffer[] = []
  for (let bytes = 0; bytes <= LISTS_MAX_BYTES;) {
    const part = readPart(file)
    if (part.length === 0) return textOf(Buffer.concat(parts), name)
    parts.push(part)
    bytes += part.length
  }
  return { problem: tooLong(`${name} is`) }
}

function readPart(file: number): Buffer {
  const buffer = Buffer.allocUnsafe(READ_BYTES)
  for (;;) {
    try {
      return buffer.subarray(0, readSync(file, buffer))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // A pipe on Windows ends so.
      if (code === 'EOF') return buffer.subarray(0, 0)
      // A terminal or pipe that another program set not to wait: nothing is there yet.
      if (code !== 'EAGAIN') throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
    }
  }
}

function textOf(bytes: Buffer, name: string): Read | Refused {
  const begins = bytes.subarray(0, 2).toString('hex')
  if (begins === 'fffe' || begins === 'feff') {
    return { problem: `${name} is text in UTF-16: save it as UTF-8` }
  }
  if (bytes.includes(0)) return { problem: `${name} is a binary file, not a list of images` }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { problem: `${name} is not text in UTF-8: save it as that` }
  }
}

function tooLong(what: string): string {
  return `${what} longer than ${LISTS_MAX_BYTES / 1024 ** 2} MiB: give a part of it to each of several runs`
}

function unreadable(path: string, error: unknown): string {
  const { code = String(error) } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return `there is no file ${path}${otherFile(path)}`
  if (code === 'ENOTDIR') return `there is no file ${path}: a part of its path is not a folder`
  if (code !== 'EACCES') return `the list ${path} cannot be read (${code})`
  const user = process.getuid?.() ?? ''
  return `user ${user} may not read the list ${path} (${code}): change its owner or mode`
}

function otherFile(path: string): string {
  try {
    const other = nearFile(path)
    const why = NAMES_NO_IMAGE.test(path) ? ', and it names no image' : ''
    if (other !== undefined) return `${why}; did you mean ${other}?`
    return why === '' ? ' to read as a list' : why
  } catch {
    return `: there is no folder ${dirname(path)}`
  }
}

/** One that is there and called nearly so. Throws where its folder cannot be read. */
function nearFile(path: string): string | undefined {
  const files = readdirSync(dirname(path), { withFileTypes: true })
    .filter((each) => !each.isDirectory())
    .map(({ name }) => name)
  const name = nearest(basename(path), files)
  return name && path.slice(0, path.length - basename(path).length) + name
}
