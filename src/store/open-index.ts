// Opens the data folder's lock and index. Runs in the index worker.

import Database from 'better-sqlite3'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { StoreError } from '../errors.ts'
import { findPendingCheck, noteOpened, writeOpened } from './check-state.ts'
import { backUpIndex } from './index-backup.ts'
import type { PendingCheck } from './index-port.ts'
import type { Layout } from './layout.ts'
import { migrate, MIGRATIONS } from './migrations.ts'
import { Reserve } from './reserve.ts'
import { isDamage, isMarkedDamaged, newestSetAside, setAside } from './set-aside.ts'
import { SqliteIndex } from './sqlite-index.ts'

/** What the addon of a packaged binary is handed over as; undefined from source. */
type NativeBinding = object | undefined

/** The version of the index that first says how files were when they were hashed. */
const STAMPS_SINCE = 3

export interface OpenedIndex {
  readonly index: SqliteIndex
  readonly reserve: Reserve
  /** Gives the folder up. The kernel does the same when the process dies. */
  unlock(): void
}

/** Throws StoreError 'locked', 'newer' or 'io'. A damaged index is set aside and a new one begun. */
export function openIndex(layout: Layout, binding: NativeBinding): OpenedIndex {
  const lock = takeLock(layout, binding)
  try {
    const reserve = new Reserve(layout)
    reserve.open()
    return { index: openOrRenew(layout, binding), reserve, unlock: () => lock.close() }
  } catch (error) {
    lock.close()
    throw asStoreError(error, layout.index)
  }
}

function openOrRenew(layout: Layout, binding: NativeBinding): SqliteIndex {
  if (existsSync(layout.index) && !isMarkedDamaged(layout)) {
    try {
      return openUsable(layout, binding, undefined)
    } catch (error) {
      if (!isDamage(error) && !isOtherSchema(error)) throw error
    }
  }
  return openUsable(layout, binding, setAside(layout, new Date()))
}

/** A table or column that is there already, or is not there: the file is not what its version says. */
function isOtherSchema(error: unknown): boolean {
  return (error as { code?: string }).code === 'SQLITE_ERROR'
}

/** `before`: the index that this one replaces. */
function openUsable(
  layout: Layout,
  binding: NativeBinding,
  before: string | undefined,
): SqliteIndex {
  const database = openInWal(layout.index, binding)
  try {
    // WAL with NORMAL never corrupts; a power loss may undo the last transactions, which the blob
    // files and upstream can tell again.
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    // What SQLite sets aside for a moment goes on where the disk is full.
    database.pragma('temp_store = MEMORY')
    const version = database.pragma('user_version', { simple: true }) as number
    if (version > 0 && version < MIGRATIONS.length) backUpIndex(database, layout, version)
    if (version === MIGRATIONS.length) noteOpenedIfPossible(database)
    else migrateNoting(database, layout, openedWith(layout, version, before))
    return new SqliteIndex(database)
  } catch (error) {
    database.close()
    throw error
  }
}

/**
 * On a disk without a free byte there is no room for what connections share. Alone it goes without, and
 * whoever else wants to read has to wait until the next start.
 */
function openInWal(file: string, binding: NativeBinding): Database.Database {
  try {
    return openWith(file, binding, ['journal_mode = WAL', 'user_version'])
  } catch (error) {
    if (!isDiskTrouble(error)) throw error
    return openWith(file, binding, ['locking_mode = EXCLUSIVE', 'journal_mode = WAL'])
  }
}

function openWith(
  file: string,
  binding: NativeBinding,
  pragmas: readonly string[],
): Database.Database {
  const database = openDatabase(file, binding)
  try {
    for (const pragma of pragmas) database.pragma(pragma)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** Together with the tables, or a kill in between would make the new index look like a whole one. */
function migrateNoting(
  database: Database.Database,
  layout: Layout,
  check: PendingCheck | undefined,
): void {
  // Lost with the power, it would be as if the index had been closed.
  database.pragma('synchronous = FULL')
  migrate(database, layout.index, () => writeOpened(database, findPendingCheck(database) ?? check))
  database.pragma('synchronous = NORMAL')
}

/** A full disk keeps nobody from what is stored, though a crash from here on goes unnoticed. */
function noteOpenedIfPossible(database: Database.Database): void {
  try {
    noteOpened(database)
  } catch (error) {
    if (!isDiskTrouble(error)) throw error
    database.pragma('synchronous = NORMAL')
  }
}

function isDiskTrouble(error: unknown): boolean {
  const { code = '' } = error as { code?: string }
  return code === 'SQLITE_FULL' || code.startsWith('SQLITE_IOERR')
}

/** A new index knows nothing of what is stored already, and an old one not all that is known now. */
function openedWith(
  layout: Layout,
  version: number,
  before: string | undefined,
): PendingCheck | undefined {
  if (version > 0) return { kind: 'reconcile', isUnstamped: version < STAMPS_SINCE }
  const isEmpty = !existsSync(layout.blobs) || readdirSync(layout.blobs).length === 0
  // Whoever set one aside may have been stopped before there was a new one.
  const from = before ?? newestSetAside(layout)
  if (isEmpty && from === undefined) return undefined
  return { kind: 'rebuild', from }
}

/**
 * An open exclusive transaction is a kernel lock: it works on every platform and in containers where
 * pids repeat, and it dies with the process.
 */
function takeLock(layout: Layout, binding: NativeBinding): Database.Database {
  const lock = openDatabase(layout.lock, binding)
  try {
    // Or the first page of a new journal would have to fit on the disk.
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
    // A dead owner's; the new one writes its own once it can be reached.
    rmSync(layout.ownerNote, { force: true })
    return lock
  } catch (error) {
    lock.close()
    if ((error as { code?: string }).code === 'SQLITE_BUSY') {
      throw new StoreError(
        'locked',
        `${layout.folder} is in use by another regmirror: stop that one, or choose another ` +
          `folder with --data`,
      )
    }
    throw asStoreError(error, layout.lock)
  }
}

function openDatabase(file: string, binding: NativeBinding): Database.Database {
  try {
    // better-sqlite3 takes the addon object itself; its types know only a path.
    const options = binding ? { nativeBinding: binding as unknown as string } : {}
    return new Database(file, { timeout: 0, ...options })
  } catch (error) {
    throw isDamage(error) ? error : asStoreError(error, file)
  }
}

function asStoreError(error: unknown, file: string): Error {
  if (error instanceof StoreError) return error
  const message = error instanceof Error ? error.message : String(error)
  const isFull = (error as { code?: string }).code === 'SQLITE_FULL'
  const remedy = isFull ? ': free some space on its disk, and start again' : ''
  const kind = isFull ? 'full' : 'io'
  return new StoreError(kind, `cannot open ${file}: ${message}${remedy}`, { cause: error })
}
