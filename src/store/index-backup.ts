// Before a newer regmirror changes the schema of an index, a whole copy of it is made beside it: who
// has to go back to the older one finds what that can read.

import type { Database } from 'better-sqlite3'
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statfsSync,
} from 'node:fs'
import { join } from 'node:path'
import { StoreError } from '../errors.ts'
import { formatBytes } from '../lib/units.ts'
import { indexBackupPath } from './layout.ts'
import type { Layout } from './layout.ts'

const BACKUP = /^index-v\d+\.backup\.db(\.new)?$/

/** Throws StoreError where there is no room for it. Only the newest is kept. */
export function backUpIndex(database: Database, layout: Layout, version: number): void {
  requireRoom(database, layout)
  const target = indexBackupPath(layout, version)
  const staged = `${target}.new`
  rmSync(staged, { force: true })
  database.prepare('VACUUM INTO ?').run(staged)
  syncFile(staged)
  for (const name of readdirSync(layout.folder)) {
    const file = join(layout.folder, name)
    if (BACKUP.test(name) && file !== staged) rmSync(file, { force: true })
  }
  renameSync(staged, target)
}

function requireRoom(database: Database, layout: Layout): void {
  const pages = database.pragma('page_count', { simple: true }) as number
  const neededBytes = pages * (database.pragma('page_size', { simple: true }) as number)
  const { bavail, bsize } = statfsSync(layout.folder)
  if (bavail * bsize >= neededBytes) return
  throw new StoreError(
    'full',
    `${layout.index} is of an earlier version and is copied before it is changed: that needs ` +
      `${formatBytes(neededBytes)} in ${layout.folder}, where ${formatBytes(bavail * bsize)} are free`,
  )
}

function syncFile(file: string): void {
  const fd = openSync(file, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
