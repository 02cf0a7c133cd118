// Where the store lies when nobody said.

import { accessSync, constants } from 'node:fs'
import { isAbsolute, join, resolve } from 'node:path'
import type { Parsed } from './parsed.ts'

const SYSTEM_FOLDER = '/var/lib/regmirror'

export interface Home {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly isRoot: boolean
}

export function defaultDataFolder({ env, isRoot }: Home): Parsed<string> {
  if (isRoot || isWritable(SYSTEM_FOLDER)) return { value: SYSTEM_FOLDER }
  const { XDG_DATA_HOME: xdg, HOME: home = env['USERPROFILE'] } = env
  if (xdg && isAbsolute(xdg)) return { value: join(xdg, 'regmirror') }
  if (home) return { value: join(home, '.local', 'share', 'regmirror') }
  return {
    problem:
      'there is no folder to store in, since HOME is not set: name one with --data DIR or REGMIRROR_DATA=DIR',
  }
}

/** Absolute. `~/` is the home folder, which shells leave as it is in `--data=~/cache` and files always do. */
export function parseDataFolder(text: string, { env }: Home): Parsed<string> {
  if (text.trim() === '') return { problem: 'is empty: name a folder, such as /var/lib/regmirror' }
  if (text !== '~' && !text.startsWith('~/')) return { value: resolve(text) }
  const home = env['HOME']
  if (!home) return { problem: `"~" means nothing, since HOME is not set: write the whole path` }
  return { value: resolve(home, text.slice(2)) }
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
