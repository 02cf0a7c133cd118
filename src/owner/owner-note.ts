// DATA/regmirror.owner: who owns the folder and where that one listens. It tells where to knock and
// what to say, never whether the owner lives: only the lock and the socket know that.

import { lstatSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { socketInside } from './socket-path.ts'
import type { OwnerFacts } from './wire.ts'

export interface OwnerNote extends OwnerFacts {
  /** Undefined: it could not listen anywhere. */
  readonly socket: string | undefined
}

function notePath(folder: string): string {
  return join(folder, 'regmirror.owner')
}

export function writeNote(folder: string, note: OwnerNote): void {
  const path = notePath(folder)
  try {
    writeFileSync(`${path}.new`, `${JSON.stringify(note)}\n`)
    renameSync(`${path}.new`, path)
  } catch (error) {
    const { message } = error as Error
    throw new Error(`cannot write ${path}: ${message}`, { cause: error })
  }
}

export function removeNote(folder: string): void {
  rmSync(notePath(folder), { force: true })
}

/** Undefined where there is none, or none that can be understood. */
export function readNote(folder: string): OwnerNote | undefined {
  try {
    const note = JSON.parse(readFileSync(notePath(folder), 'utf8')) as Partial<OwnerNote>
    const isWhole = Number.isInteger(note.pid) && typeof note.command === 'string'
    return isWhole ? (note as OwnerNote) : undefined
  } catch {
    return undefined
  }
}

/** Where the owner would listen. Outside of the folder, others could have put a socket of their own. */
export function socketToTry(folder: string): string | undefined {
  const inside = socketInside(folder)
  const socket = readNote(folder)?.socket ?? inside
  if (socket === inside || process.platform === 'win32') return socket
  try {
    return lstatSync(socket).uid === lstatSync(notePath(folder)).uid ? socket : undefined
  } catch {
    return undefined
  }
}
