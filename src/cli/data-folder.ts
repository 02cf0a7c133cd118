// Whether the data folder can be used, asked before anything else starts.

import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError } from '../errors.ts'
import { holdsStore } from './find-store.ts'

/** Others on the box have no business in what private repositories hold. */
const FOLDER_MODE = 0o750

/** Makes it if it is not there. Throws ConfigError. */
export function requireDataFolder(folder: string, origin: string): void {
  try {
    makeFolder(folder)
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    const subject = origin === 'default' ? 'the' : `${origin}: the`
    throw new ConfigError([
      `${subject} folder ${folder} cannot be used: ${reason(code)}, or choose another with --data DIR`,
    ])
  }
}

/** Node's own recursive mkdir never returns where a system (/proc) answers ENOENT for a new folder. */
function makeFolder(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found?.isDirectory()) return
  if (found !== undefined) throw Object.assign(new Error('a file'), { code: 'ENOTDIR' })
  if (dirname(folder) !== folder) makeFolder(dirname(folder))
  mkdirSync(folder, { mode: FOLDER_MODE })
}

/** A store that is there is not left alone for a new one, only because this user may not use it. */
export function refuseSecondStore(folder: string, folders: readonly string[]): void {
  for (const earlier of folders.slice(0, folders.indexOf(folder))) {
    if (!holdsStore(earlier)) continue
    throw new ConfigError([
      `${earlier} holds a store that user ${process.getuid?.() ?? ''} may not write to: run this ` +
        `as the user that owns it, or name another folder with --data DIR`,
    ])
  }
}

function reason(code: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return `user ${process.getuid?.() ?? ''} may not write there (${code}); change its owner or mode`
    case 'ENOTDIR':
    case 'EEXIST':
      return `it, or what should be a folder above it, is a file (${code}); move that away`
    case 'EROFS':
      return `its file system is mounted read-only (${code}); mount it writable`
    case 'ENOSPC':
      return `its disk is full (${code}); make room`
    default:
      return `the system says ${code}; see to that`
  }
}
