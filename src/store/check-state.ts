// What the index remembers of how it was left: in good order, or with something to look at.

import type { Database } from 'better-sqlite3'
import type { PendingCheck } from './index-port.ts'
import { statements } from './statements.ts'

/** There while somebody has the index open, and after one who did not close it. */
const OPEN = 'open'
/** What is to be looked at; stays until that is done, however often the owner is stopped meanwhile. */
const CHECK = 'check'

/** Of an index that has all of its tables. */
export function noteOpened(database: Database): void {
  const wasOpen = findState(database, OPEN) !== undefined
  const check = findPendingCheck(database) ?? (wasOpen ? { kind: 'reconcile' } : undefined)
  // Lost with the power, it would be as if the index had been closed.
  database.pragma('synchronous = FULL')
  database.transaction(() => writeOpened(database, check))()
  database.pragma('synchronous = NORMAL')
}

/** For a transaction that is under way: with it, or not at all. */
export function writeOpened(database: Database, check: PendingCheck | undefined): void {
  setState(database, OPEN, String(process.pid))
  if (check) setState(database, CHECK, JSON.stringify(check))
}

export function noteClosed(database: Database): void {
  database.prepare(statements.clearState).run({ name: OPEN })
}

export function findPendingCheck(database: Database): PendingCheck | undefined {
  const text = findState(database, CHECK)
  return text === undefined ? undefined : (JSON.parse(text) as PendingCheck)
}

function findState(database: Database, name: string): string | undefined {
  return database.prepare(statements.findState).pluck().get({ name }) as string | undefined
}

function setState(database: Database, name: string, value: string): void {
  database.prepare(statements.setState).run({ name, value })
}
