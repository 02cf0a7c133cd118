// Two want to own the same folder, and one of them is perhaps just starting or leaving.

import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../errors.ts'
import { askToLeave, findOwner } from './client.ts'
import type { LivingOwner } from './client.ts'
import { readNote } from './owner-note.ts'
import type { OwnerFacts } from './wire.ts'

/** As long as an owner may take to start or to leave. */
const CONTEND_MAX_MS = 5000
const EVERY_MS = 100
/** As long as a command may take to park what it downloads; a server waits so long for it. */
const LEAVE_MAX_MS = 20_000
/** As long as what was handed back waits for the next owner, before it does without. */
const NEXT_OWNER_MAX_MS = 15_000

/**
 * Owns the folder by `open`, as soon as nobody else does, or gives the one who does and is `welcome`;
 * for whom it was not, it waits as long as that tells. Throws StoreError 'locked' in the end, and whatever
 * else `open` throws at once.
 */
export async function ownOrFind<Owned>(
  folder: string,
  open: () => Promise<Owned>,
  welcome: (owner: LivingOwner) => boolean | Promise<{ readonly leavesInMs: number }>,
): Promise<{ readonly owned: Owned } | { readonly living: LivingOwner }> {
  let deadline = performance.now() + CONTEND_MAX_MS
  for (;;) {
    try {
      return { owned: await open() }
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'locked') throw error
    }
    const living = await findOwner(folder)
    const isWelcome = living !== undefined && (await welcome(living))
    if (isWelcome === true) return { living }
    if (isWelcome !== false) deadline = Math.max(deadline, performance.now() + isWelcome.leavesInMs)
    if (performance.now() > deadline) throw lockedBy(folder)
    await sleep(EVERY_MS)
  }
}

/**
 * For a server: it waits for a command that is about to end, not for another server. One that warms may
 * go on for hours: it is asked to leave, and `asked` is told of it.
 */
export async function ownAlone<Owned>(
  folder: string,
  open: () => Promise<Owned>,
  asked: (owner: OwnerFacts) => void,
): Promise<Owned> {
  const pids = new Set<number>()
  const found = await ownOrFind(folder, open, (living) => {
    const { command, pid } = living.facts
    if (command !== 'warm' || pids.has(pid)) return command === 'serve'
    pids.add(pid)
    asked(living.facts)
    return askToLeave(living).then(() => ({ leavesInMs: LEAVE_MAX_MS }))
  })
  if ('living' in found) throw lockedBy(folder)
  return found.owned
}

/** Until `former` has left and, where a server is to come, until that is there; not for ever. */
export async function untilNextOwner(
  folder: string,
  former: OwnerFacts | undefined,
  isForServer: boolean,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + NEXT_OWNER_MAX_MS
  while (performance.now() < deadline && !signal.aborted) {
    const facts = (await findOwner(folder))?.facts
    const isFormer = facts?.pid === former?.pid && facts?.startedAt === former?.startedAt
    const isNext = isForServer ? facts?.command === 'serve' : facts === undefined || !isFormer
    if (isNext) return
    await sleep(EVERY_MS)
  }
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
