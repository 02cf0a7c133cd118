// Two want to own the same folder, and one of them is perhaps just starting or leaving.

import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import { findOwner } from './client.ts'
import type { LivingOwner } from './client.ts'
import { readNote } from './owner-note.ts'

/** As long as an owner may take to start or to leave. */
const CONTEND_MAX_MS = 5000
const EVERY_MS = 100

/**
 * Owns the folder by `open`, as soon as nobody else does, or gives the one who does and is `welcome`.
 * Throws StoreError 'locked' in the end, and whatever else `open` throws at once.
 */
export async function ownOrFind<Owned>(
  folder: string,
  open: () => Promise<Owned>,
  welcome: (owner: LivingOwner) => boolean,
): Promise<{ readonly owned: Owned } | { readonly living: LivingOwner }> {
  const deadline = performance.now() + CONTEND_MAX_MS
  for (;;) {
    try {
      return { owned: await open() }
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'locked') throw error
    }
    const living = await findOwner(folder)
    if (living !== undefined && welcome(living)) return { living }
    if (performance.now() > deadline) throw lockedBy(folder)
    await sleep(EVERY_MS)
  }
}

/** For a server: it waits for a command that is about to end, not for another server. */
export async function ownAlone<Owned>(folder: string, open: () => Promise<Owned>): Promise<Owned> {
  const found = await ownOrFind(folder, open, ({ facts }) => facts.command === 'serve')
  if ('living' in found) throw lockedBy(folder)
  return found.owned
}

function lockedBy(folder: string): StoreError {
  const note = readNote(folder)
  const who = note
    ? `regmirror ${note.command} (pid ${note.pid}, since ${new Date(note.startedAt).toISOString()})`
    : 'another regmirror'
  return new StoreError(
    'locked',
    `${folder} is in use by ${who}: stop that one, or choose another folder with --data`,
  )
}
