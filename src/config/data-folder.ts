// Where the store lies when nobody said.

import { accessSync, constants } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Parsed } from './parsed.ts'
import { parsePath } from './paths.ts'
import type { Home } from './paths.ts'

const SYSTEM_FOLDER = '/var/lib/regmirror'

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
