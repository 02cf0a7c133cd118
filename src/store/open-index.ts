// Opens the data folder's lock and index. Runs in the index worker.

import Database from 'better-sqlite3'
import { StoreError } from '../errors.ts'
import type { Layout } from './layout.ts'
import { migrate } from './migrations.ts'
import { SqliteIndex } from './sqlite-index.ts'

/** What the addon of a packaged binary is handed over as; undefined from source. */
type NativeBinding = object | undefined

export interface OpenedIndex {
  readonly index: SqliteIndex
  /** Gives the folder up. The kernel does the same when the process dies. */
  unlock(): void
}

/** Throws StoreError 'locked', 'newer' or 'corrupt-index'. */
export function openIndex(layout: Layout, binding: NativeBinding): OpenedIndex {
  const lock = takeLock(layout, binding)
  try {
    const database = openDatabase(layout.index, binding)
    database.pragma('journal_mode = WAL')
    // WAL with NORMAL never corrupts; a power loss may undo the last transactions, which the blob
    // files and upstream can tell again.
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    migrate(database, layout.index)
    return { index: new SqliteIndex(database), unlock: () => lock.close() }
  } catch (error) {
    lock.close()
    throw asStoreError(error, layout.index)
  }
}

/**
 * An open exclusive transaction is a kernel lock: it works on every platform and in containers where
 * pids repeat, and it dies with the process.
 */
function takeLock(layout: Layout, binding: NativeBinding): Database.Database {
  const lock = openDatabase(layout.lock, binding)
  try {
    lock.exec('BEGIN EXCLUSIVE')
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
    throw asStoreError(error, file)
  }
}

function asStoreError(error: unknown, file: string): Error {
  if (error instanceof StoreError) return error
  const code = (error as { code?: string }).code ?? ''
  const message = error instanceof Error ? error.message : String(error)
  if (code === 'SQLITE_CORRUPT' || code === 'SQLITE_NOTADB') {
    return new StoreError(
      'corrupt-index',
      `${file} is damaged (${message}): move it away and start again; stored blobs are kept and ` +
        `used again as images are pulled`,
      { cause: error },
    )
  }
  return new StoreError('io', `cannot open ${file}: ${message}`, { cause: error })
}
