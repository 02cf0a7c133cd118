import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { keptContentStatements } from '../../../src/store/kept-content.ts'
import { MIGRATIONS } from '../../../src/store/migrations.ts'
import { pinStatements } from '../../../src/store/pins.ts'
import { readerStatements } from '../../../src/store/reader-statements.ts'
import { imageVictimStatements, removalStatements } from '../../../src/store/removal-statements.ts'
import { statements } from '../../../src/store/statements.ts'
import { useStatements } from '../../../src/store/tag-uses.ts'

// Asked again and again of an index that may have a million rows.
const FREQUENT = {
  leastRecentlyChecked: statements.leastRecentlyChecked,
  pinnedBytes: keptContentStatements.pinnedBytes,
  keptByLists: keptContentStatements.listPins,
  keptContent: keptContentStatements.content,
  usedTags: useStatements.tags,
  usedRepositories: useStatements.repositories,
  imagesAmong: imageVictimStatements.imagesAmong,
  image: imageVictimStatements.image,
  orphansAmong: removalStatements.orphansAmong,
  // What is looked at should cost what it holds, whatever lies beside it.
  ...readerStatements,
}

const database = new Database(':memory:')
for (const step of MIGRATIONS) database.exec(step)

for (const [name, sql] of Object.entries(FREQUENT)) {
  test(`${name} goes by indexes, and looks through no table`, () => {
    const values = Object.fromEntries(
      [...sql.matchAll(/@(\w+)/g)].map(([, value]) => [value as string, 1]),
    )
    const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(values) as { detail: string }[]
    const details = plan.map(({ detail }) => detail)
    const scans = details.filter((detail) => {
      const [, table] = /^SCAN (blob|tag|edge|manifest|content|repository)\b/.exec(detail) ?? []
      // A slice of a table may go by its name.
      return table && !details.includes(`CO-ROUTINE ${table}`)
    })
    assert.deepEqual(scans, [], details.join('\n'))
  })
}

test('pins that are over are found by their end, however many are not', () => {
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${pinStatements.end}`).all({ now: 1 })
  const details = (plan as { detail: string }[]).map(({ detail }) => detail)
  assert.ok(details.some((each) => each.startsWith('SEARCH pin USING INDEX pin_ending')))
})

test('what was never hashed is looked at first, then what was hashed longest ago', () => {
  const insert = database.prepare(
    'INSERT INTO blob (digest, size, stored_at, checked_at) VALUES (?, 1, 1, ?)',
  )
  for (const [digest, at] of [
    ['late', 50],
    ['b', 3],
    ['never', null],
    ['a', 2],
    ['c', 4],
  ] as const)
    insert.run(digest, at)
  const due = database.prepare(statements.leastRecentlyChecked)
  const names = (limit: number): unknown[] =>
    (due.all({ before: 10, limit }) as { digest: string }[]).map(({ digest }) => digest)
  assert.deepEqual(names(3), ['never', 'a', 'b'])
  assert.deepEqual(names(10), ['never', 'a', 'b', 'c'])
})
