// A file of secrets that several processes change, and none loses what another wrote.
//
// Each writer makes a draft of its own and removes all others before it reads. Of two that have read
// the same text, at most one still has its draft to put in the file's place; the other begins anew. A
// writer that was killed leaves a draft behind and no lock.

import { randomUUID } from 'node:crypto'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LoginError } from '../errors.ts'

const OWNER_ONLY = 0o600
/** Writing takes milliseconds; the owner of an older draft was killed, or will find it gone. */
const DRAFT_HEEDED_MS = 5_000
const WRITERS_WAIT_MS = 30_000
const WRITERS_PAUSE_MS = 20

/**
 * `change` reads the file and gives its new text, or undefined to leave it; it is called again where
 * another writer came first. The new file is whole before it takes the old one's place.
 */
export async function changeFile(
  path: string,
  change: () => Promise<string | undefined>,
): Promise<void> {
  const untilMs = Date.now() + WRITERS_WAIT_MS
  while ((await hasBusyWriter(path)) || !(await tryChange(path, change))) {
    if (Date.now() > untilMs) throw new LoginError(`${path} is being written by others: try again`)
    // Those who wait must not all begin at once.
    await sleep(WRITERS_PAUSE_MS * (0.5 + Math.random()))
  }
}

/** False: another writer came first. */
async function tryChange(
  path: string,
  change: () => Promise<string | undefined>,
): Promise<boolean> {
  const draft = `${path}.${randomUUID()}.new`
  const handle = await open(draft, 'wx', OWNER_ONLY)
  try {
    for (const other of await draftsOf(path)) {
      if (other !== draft) await rm(other, { force: true })
    }
    const text = await change()
    if (text === undefined) return true
    await handle.writeFile(text)
    await handle.sync()
    await giveToOwnerOf(dirname(path), handle)
    return await isMoved(draft, path)
  } finally {
    await handle.close()
    await rm(draft, { force: true })
  }
}

async function isMoved(draft: string, path: string): Promise<boolean> {
  try {
    await rename(draft, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function hasBusyWriter(path: string): Promise<boolean> {
  const drafts = await draftsOf(path)
  const stats = await Promise.all(drafts.map((draft) => stat(draft).catch(() => undefined)))
  // A clock that was set back must not make a draft young for ever.
  return stats.some((found) => found && Math.abs(Date.now() - found.mtimeMs) < DRAFT_HEEDED_MS)
}

async function draftsOf(path: string): Promise<string[]> {
  const names = await readdir(dirname(path))
  return names
    .filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.new'))
    .map((name) => join(dirname(path), name))
}

/** Root may log in for a server that runs as somebody else, who could not read root's file. */
async function giveToOwnerOf(folder: string, handle: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = await stat(folder)
  await handle.chown(uid, gid)
}
