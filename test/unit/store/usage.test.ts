import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { Database as Connection } from 'better-sqlite3'
import { layoutOf } from '../../../src/store/layout.ts'
import { MIGRATIONS } from '../../../src/store/migrations.ts'
import { openIndex } from '../../../src/store/open-index.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const WITHOUT_TOTAL = 5

function insertBlobs(database: Connection, sizes: readonly number[]): void {
  const insert = database.prepare('INSERT INTO blob (digest, size, stored_at) VALUES (?, ?, 1)')
  for (const size of sizes) insert.run(`sha256:${String(size).padStart(64, '0')}`, size)
}

function totalOf(folder: TempFolder): { blobs: number; blobBytes: number } {
  const { index, unlock } = openIndex(layoutOf(folder.path), undefined)
  const { blobs, blobBytes } = index.usage()
  index.close()
  unlock()
  return { blobs, blobBytes }
}

test('what the blobs of an index from before totals take is summed up once, and kept from then on', async () => {
  await using folder = new TempFolder('usage')
  const { index: file } = layoutOf(folder.path)
  const before = new Database(file)
  for (const step of MIGRATIONS.slice(0, WITHOUT_TOTAL)) before.exec(step)
  before.pragma(`user_version = ${WITHOUT_TOTAL}`)
  insertBlobs(before, [0, 1, 4096, 4097])
  before.close()
  assert.deepEqual(totalOf(folder), { blobs: 4, blobBytes: 4 * 4096 })

  const database = new Database(file)
  insertBlobs(database, [9000])
  database.prepare('UPDATE blob SET size = 4097 WHERE size = 1').run()
  database.prepare('DELETE FROM blob WHERE size = 4096').run()
  const undone = database.transaction(() => {
    insertBlobs(database, [1_000_000])
    throw new Error('rolled back')
  })
  assert.throws(() => undone(), /rolled back/)
  database.close()
  assert.deepEqual(totalOf(folder), { blobs: 4, blobBytes: (2 + 2 + 3) * 4096 })
})
