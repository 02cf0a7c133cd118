// Where the store lies when nobody said.

import { accessSync, constants } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Parsed } from './parsed.ts'
import { parsePath } from './paths.ts'
import type { Home } from './paths.ts'

const SYSTEM_FOLDER = '/var/lib/regmirror'

export function defaultDataFolder(home: Home): Parsed<string> {
  if (home.isRoot || isWritable(SYSTEM_FOLDER)) return { value: SYSTEM_FOLDER }
  const value = usersDataFolder(home)
  if (value !== undefined) return { value }
  return {
    problem:
      'there is no folder to store in, since HOME is not set: name one with --data DIR or REGMIRROR_DATA=DIR',
  }
}

/** Where a store may be that nobody named, the likeliest first. */
export function usualDataFolders(home: Pick<Home, 'env'>): readonly string[] {
  const users = usersDataFolder(home)
  return users === undefined ? [SYSTEM_FOLDER] : [SYSTEM_FOLDER, users]
}

function usersDataFolder({ env }: Pick<Home, 'env'>): string | undefined {
  const { XDG_DATA_HOME: xdg, HOME: home = env['USERPROFILE'] } = env
  if (xdg && isAbsolute(xdg)) return join(xdg, 'regmirror')
  return home ? join(home, '.local', 'share', 'regmirror') : undefined
}

export function parseDataFolder(text: string, home: Home): Parsed<string> {
  if (text.trim() === '') return { problem: 'is empty: name a folder, such as /var/lib/regmirror' }
  return parsePath(text, home)
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
