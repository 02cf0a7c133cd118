import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { SalvagedRow } from '../../../src/store/index-port.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { MIGRATIONS } from '../../../src/store/migrations.ts'
import { openIndex } from '../../../src/store/open-index.ts'
import { salvagedRows } from '../../../src/store/salvage.ts'
import type { SqliteIndex } from '../../../src/store/sqlite-index.ts'
import { named, repositoryOf, tagOf } from '../../support/held-images.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const APP = repositoryOf('app')
const LIST = 'list /etc/mirror.txt'

function withIndex(folder: TempFolder, body: (index: SqliteIndex) => void): void {
  const { index, unlock } = openIndex(layoutOf(folder.path), undefined)
  body(index)
  index.close()
  unlock()
}

function tables(folder: TempFolder): unknown[] {
  const database = new Database(layoutOf(folder.path).index, { readonly: true })
  const all = ['pin', 'tag'].map((name) => database.prepare(`SELECT * FROM ${name}`).all())
  database.close()
  return all
}

function salvaged(folder: TempFolder): SalvagedRow[] {
  const database = new Database(layoutOf(folder.path).index, { readonly: true })
  const rows = [...salvagedRows(database)]
  database.close()
  return rows
}

test('how long lists keep what left them, and what clients used, outlasts a damaged index', async () => {
  await using old = new TempFolder('salvage')
  await using fresh = new TempFolder('salvage')
  withIndex(old, (index) => {
    for (const tag of ['left', 'meant', 'for-ever'].map(tagOf)) {
      const to = { digest: named(tag), mediaType: 'x', sizeBytes: 1, checkedAt: 1 }
      index.moveTag(APP, tag, { ...to, opens: 'repository' })
    }
    const pin = (tag: string, keepMs: number | undefined) => ({
      ...{ repository: APP, reference: { tag: tagOf(tag) }, keepMs },
    })
    const run = { releasesOthers: true, still: [], unsure: [] }
    const stays = [pin('meant', 1), pin('for-ever', undefined)]
    index.keepPins(LIST, { ...run, held: [pin('left', 1000), ...stays], at: 10 })
    index.keepPins(LIST, { ...run, held: stays, at: 20 })
    index.recordUses([], [{ repository: APP, tag: tagOf('meant'), usedAt: 30 }])
  })
  withIndex(fresh, (index) => index.restore(salvaged(old)))
  assert.deepEqual(tables(fresh), tables(old))
  withIndex(fresh, (index) => index.endPins(1020))
  assert.equal((tables(fresh)[0] as unknown[]).length, 2)
})

test('pins and tags of an index from before lists kept anything come over too', async () => {
  await using old = new TempFolder('salvage')
  await using fresh = new TempFolder('salvage')
  const database = new Database(layoutOf(old.path).index)
  for (const step of MIGRATIONS.slice(0, 4)) database.exec(step)
  database.exec(`
    INSERT INTO repository VALUES (1, 'docker.io', 'app', 1, 1);
    INSERT INTO tag VALUES (1, 'latest', '${named('image')}', NULL, NULL, NULL, 1, 1);
    INSERT INTO pin VALUES (1, 'latest', 'somebody', 5);`)
  database.close()
  withIndex(fresh, (index) => {
    index.restore(salvaged(old))
    index.endPins(Number.MAX_SAFE_INTEGER)
    assert.deepEqual(index.knownTags(APP), ['latest'])
  })
  const [pins] = tables(fresh)
  assert.deepEqual(pins, [
    {
      ...{ repository: 1, reference: 'latest', pinned_by: 'somebody', pinned_at: 5 },
      ...{ keep_ms: null, left_at: null },
    },
  ])
})
