// The text of a file that is said to be a list, or a sentence that says why there is none.

import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { nearest } from '../lib/nearest.ts'

/** Of all lists of one command, with what they include; they cross the socket in one ask (owner/wire.ts). */
export const LISTS_MAX_BYTES = 2 * 1024 * 1024
const READ_BYTES = 64 * 1024

export type ReadText = { readonly text: string } | { readonly problem: string }

/** Of a file, or of a pipe, which is waited for. */
export function readFileText(path: string): ReadText {
  return reading(path, constants.O_RDONLY, (file) => readText(file, path))
}

/** Of a file alone: a pipe would be waited for, and gives its text once. */
export function readKeptText(path: string): ReadText {
  // Opening a pipe waits, too. Windows has no such pipes, and no such flag.
  const atOnce = (constants.O_NONBLOCK as number | undefined) ?? 0
  return reading(path, constants.O_RDONLY | atOnce, (file) =>
    fstatSync(file).isFile()
      ? readText(file, path)
      : { problem: `${path} is not a file: write the list into one` },
  )
}

function reading(path: string, flags: number, read: (file: number) => ReadText): ReadText {
  try {
    if (statSync(path).isDirectory()) return { problem: `${path} is a folder: name the list in it` }
    const file = openSync(path, flags)
    try {
      return read(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return { problem: unreadable(path, error) }
  }
}

export function readText(file: number, name: string): ReadText {
  const parts: Buffer[] = []
  for (let bytes = 0; bytes <= LISTS_MAX_BYTES;) {
    const part = readPart(file)
    if (part.length === 0) return textOf(Buffer.concat(parts), name)
    parts.push(part)
    bytes += part.length
  }
  return { problem: tooLong(`${name} is`, 'split it into several lists') }
}

export function tooLong(what: string, remedy: string): string {
  return `${what} longer than ${LISTS_MAX_BYTES / 1024 ** 2} MiB: ${remedy}`
}

/** With the one that is there and called nearly so. `aside`: what else there is to say, behind a comma. */
export function noFile(path: string, aside = ''): string {
  try {
    const near = nearFile(path)
    if (near !== undefined) return `there is no file ${path}${aside}; did you mean ${near}?`
    return `there is no file ${path}${aside || ' to read as a list'}`
  } catch {
    return `there is no file ${path}: there is no folder ${dirname(path)}`
  }
}

/** Throws where its folder cannot be read. */
function nearFile(path: string): string | undefined {
  const files = readdirSync(dirname(path), { withFileTypes: true })
    .filter((each) => !each.isDirectory())
    .map(({ name }) => name)
  const name = nearest(basename(path), files)
  return name && path.slice(0, path.length - basename(path).length) + name
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

function textOf(bytes: Buffer, name: string): ReadText {
  const begins = bytes.subarray(0, 2).toString('hex')
  if (begins === 'fffe' || begins === 'feff') {
    return { problem: `${name} is text in UTF-16: save it as UTF-8` }
  }
  if (bytes.includes(0)) return { problem: `${name} is a binary file, not a list of images` }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { problem: `${name} is not text in UTF-8: save it as that` }
  }
}

function unreadable(path: string, error: unknown): string {
  const { code = String(error) } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return noFile(path)
  if (code === 'ENOTDIR') return `there is no file ${path}: a part of its path is not a folder`
  if (code !== 'EACCES') return `the list ${path} cannot be read (${code})`
  const user = process.getuid?.() ?? ''
  return `user ${user} may not read the list ${path} (${code}): change its owner or mode`
}
