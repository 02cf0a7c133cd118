// Puts a text in the place of a file that is there: as a whole or not at all.

import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import type { Stats } from 'node:fs'

const PERMISSIONS = 0o7777

/** What a link points to is written, not the link. Mode and owner stay. Throws with a sentence. */
export function replaceFile(path: string, text: string): void {
  try {
    const real = realpathSync(path)
    const beside = `${real}.${process.pid}.partial`
    try {
      // Of one that was killed and had this number.
      rmSync(beside, { force: true })
      write(beside, text, statSync(real))
      renameSync(beside, real)
    } catch (error) {
      rmSync(beside, { force: true })
      throw error
    }
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw new Error(`${path} cannot be written (${code}): nothing in it was changed`, {
      cause: error,
    })
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
