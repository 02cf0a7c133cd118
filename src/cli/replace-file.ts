// Puts a text in the place of a file that is there: as a whole or not at all.

import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import type { Stats } from 'node:fs'

const PERMISSIONS = 0o7777
const WRITABLE = 0o222

/** What was read of the file, and what is to be in it. */
interface Replacement {
  readonly before: string
  readonly after: string
}

/**
 * What a link points to is written, not the link. Mode and owner stay. A sentence where nothing was
 * changed: also of a file that is not to be written, or was while this worked.
 */
export function replaceFile(path: string, { before, after }: Replacement): string | undefined {
  const unchanged = (why: string): string => `${path} ${why}: nothing in it was changed`
  try {
    const real = realpathSync(path)
    const found = statSync(real)
    // Its folder may be written all the same, and root may write everything.
    if ((found.mode & WRITABLE) === 0) return unchanged('is read-only')
    const beside = `${real}.${process.pid}.partial`
    try {
      // Of one that was killed and had this number.
      rmSync(beside, { force: true })
      write(beside, after, found)
      const now = readFileSync(real, 'utf8')
      // By another name that was given for it.
      if (now === after) return undefined
      if (now !== before) return unchanged('was edited while this command worked')
      renameSync(beside, real)
      return undefined
    } finally {
      rmSync(beside, { force: true })
    }
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    return unchanged(`cannot be written (${code})`)
  }
}

function write(path: string, text: string, { mode, uid, gid }: Stats): void {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeFileSync(file, text)
    keepOwner(file, uid, gid)
    fchmodSync(file, mode & PERMISSIONS)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Only root may give files away; a list of a group that one is in stays with it. */
function keepOwner(file: number, uid: number, gid: number): void {
  try {
    fchownSync(file, uid, gid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  }
}
