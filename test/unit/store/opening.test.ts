import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import Database from 'better-sqlite3'
import { indexInspection } from '../../../src/store/inspect.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import type { Layout } from '../../../src/store/layout.ts'
import { migrate } from '../../../src/store/migrations.ts'
import { openStore } from '../../../src/store/store.ts'
import { TempFolder } from '../../support/temp-folder.ts'

function folderOf(t: TestContext): { folder: TempFolder; layout: Layout } {
  const folder = new TempFolder('opening')
  t.after(() => folder.close())
  return { folder, layout: layoutOf(folder.path) }
}

async function pendingAfterOpening(folder: TempFolder) {
  const store = await openStore(folder.path, 1)
  try {
    return await store.index.pendingCheck()
  } finally {
    await store.close()
  }
}

test('an index in the making is nothing before it is noted what has to be looked at', (t) => {
  const { layout } = folderOf(t)
  const index = new Database(layout.index)
  const killed = (): never => {
    throw new Error('killed')
  }
  assert.throws(() => migrate(index, layout.index, killed), /killed/)
  assert.equal(index.pragma('user_version', { simple: true }), 0)
  assert.deepEqual(index.prepare('SELECT name FROM sqlite_schema').all(), [])
  index.close()
})

test('a kill before there is a new index does not lose the damaged one', async (t) => {
  const { folder, layout } = folderOf(t)
  mkdirSync(layout.quarantine, { recursive: true })
  const names = ['index-2026-01-01T00-00-00-000Z.db', 'index-2026-02-01T00-00-00-000Z.db']
  for (const name of names) writeFileSync(`${layout.quarantine}/${name}`, 'damaged')
  writeFileSync(`${layout.quarantine}/${names[1]}-wal`, 'damaged')
  writeFileSync(layout.index, '')
  const from = `${layout.quarantine}/${names[1]}`
  assert.deepEqual(await pendingAfterOpening(folder), { kind: 'rebuild', from })
  assert.deepEqual(await pendingAfterOpening(folder), { kind: 'rebuild', from })
})

test('an index that cannot be read now is not called damaged', async (t) => {
  const { layout } = folderOf(t)
  const index = new Database(layout.index)
  index.pragma('locking_mode = EXCLUSIVE')
  migrate(index, layout.index)
  const { signal } = new AbortController()
  await assert.rejects(indexInspection(layout).damage(signal), /database is locked/)
  assert.ok(!existsSync(layout.indexDamaged))
  index.close()
  assert.equal(await indexInspection(layout).damage(signal), undefined)
})
