// Paths as people write them, and the files behind them.

import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'

export interface Home {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isRoot: boolean
}

/** Absolute. `~/` is the home folder, which shells leave as it is in `--data=~/cache` and files always do. */
export function parsePath(text: string, { env }: Home): Parsed<string> {
  if (text !== '~' && !text.startsWith('~/')) return { value: resolve(text) }
  const home = env['HOME']
  if (!home) return { problem: `"~" means nothing, since HOME is not set: write the whole path` }
  return { value: resolve(home, text.slice(2)) }
}

/** The absolute path of a file that is there and may be read. */
export function parseFile(text: string, home: Home): Parsed<string> {
  if (text.trim() === '') return { problem: 'is empty: name a file' }
  const path = parsePath(text.trim(), home)
  if ('problem' in path) return path
  try {
    if (statSync(path.value).isDirectory()) {
      return { problem: `${quote(path.value)} is a folder: name the file in it` }
    }
    accessSync(path.value, constants.R_OK)
    return path
  } catch (error) {
    return unreadable(path.value, error)
  }
}

export function readText(path: string): Parsed<string> {
  try {
    return { value: readFileSync(path, 'utf8') }
  } catch (error) {
    return unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): { readonly problem: string } {
  const { code = String(error) } = error as NodeJS.ErrnoException
  return { problem: `the file ${quote(path)} cannot be read (${code})` }
}
