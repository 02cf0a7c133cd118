// What is kept of runs of `warm`: the latest reports, and the list of what could not be fetched.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { parseRepositoryName, parseTag } from '../../../src/oci/name.ts'
import type { Repository, Tag } from '../../../src/oci/name.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { MIGRATIONS } from '../../../src/store/migrations.ts'
import { openIndex } from '../../../src/store/open-index.ts'
import { openStore } from '../../../src/store/store.ts'
import type { Store } from '../../../src/store/store.ts'
import type { WarmRunRow } from '../../../src/store/index-port.ts'
import { runsJob } from '../../../src/warm/last-runs.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const TAG = parseTag('latest') as Tag
const APP = { registry: 'docker.io', name: parseRepositoryName('app') } as Repository
const RUNS_KEPT = 90
const RESULTS_KEPT = 5
const LISTS_KEPT = 32

async function withStore(body: (store: Store, folder: string) => Promise<void>): Promise<void> {
  await using folder = new TempFolder('warm-runs')
  const store = await openStore(folder.path, 1)
  try {
    await body(store, folder.path)
  } finally {
    await store.close()
  }
}

test('the last runs are kept, and of the latest few what became of each image', async () => {
  await withStore(async ({ index }) => {
    const runs = Array.from({ length: RUNS_KEPT + 10 }, (_, n) => ({
      ...{ startedAt: n, lists: ['/a.txt'] },
      report: JSON.stringify({ run: `run ${n}` }),
      results: JSON.stringify([{ reference: `app:${n}` }]),
    }))
    for (const run of runs) await index.recordWarmRun(run)
    const kept = await index.lastWarmRuns(1000)
    assert.equal(kept.length, RUNS_KEPT)
    assert.deepEqual(kept.slice(0, RESULTS_KEPT), runs.toReversed().slice(0, RESULTS_KEPT))
    assert.ok(kept.slice(RESULTS_KEPT).every(({ results }) => results === undefined))
    assert.equal(kept.at(-1)?.startedAt, 10)
    assert.equal((await index.lastWarmRuns(3)).length, 3)

    const talk = { signal: AbortSignal.timeout(20_000), progress: () => {}, rows: async () => {} }
    const told = await runsJob(index)({ count: RESULTS_KEPT + 1 }, talk)
    assert.deepEqual(
      told.runs.map(({ run, results }) => [run, results.length]),
      [99, 98, 97, 96, 95, 94].map((n) => [`run ${n}`, n > 94 ? 1 : 0]),
    )
  })
})

function runOf(n: number, ...lists: readonly string[]): WarmRunRow {
  return { startedAt: n, lists, report: `{"run":${n}}`, results: '[]' }
}

test('what is typed pushes no list out, and of each list the last results stay', async () => {
  await withStore(async ({ index }) => {
    await index.recordWarmRun(runOf(1, '/a.txt'))
    await index.recordWarmRun(runOf(2, '/b.txt', '/c.txt'))
    for (let n = 0; n < 2 * RUNS_KEPT; n += 1) await index.recordWarmRun(runOf(10 + n, 'typed'))
    const all = await index.lastWarmRuns(1000)
    assert.equal(all.length, RUNS_KEPT + 2)
    assert.deepEqual(await index.lastWarmRunsOf(['/c.txt', '/d.txt'], 9), [
      runOf(2, '/b.txt', '/c.txt'),
    ])
    assert.deepEqual(
      (await index.lastWarmRunOfEach()).map(({ lists }) => lists[0]),
      ['typed', '/b.txt', '/a.txt'],
    )
    for (let n = 0; n < LISTS_KEPT; n += 1) await index.recordWarmRun(runOf(n, `/${n}.txt`))
    assert.equal((await index.lastWarmRunOfEach()).length, LISTS_KEPT)
    assert.deepEqual(await index.lastWarmRunsOf(['/a.txt'], 9), [])
  })
})

test('a run that was begun is none of the last ones before it ends, or its owner was killed', async () => {
  await withStore(async ({ index }) => {
    const begun = { ...runOf(1, '/a.txt'), results: undefined }
    await index.beginWarmRun(begun)
    assert.deepEqual(await index.lastWarmRuns(9), [])
    await index.recordWarmRun(runOf(2, '/a.txt'))
    await index.closeWarmRuns()
    assert.deepEqual(await index.lastWarmRuns(9), [runOf(2, '/a.txt')])
    await index.beginWarmRun({ ...begun, startedAt: 3 })
    await index.closeWarmRuns()
    await index.recordWarmRun(runOf(4, '/a.txt'))
    const startedAt = (await index.lastWarmRunsOf(['/a.txt'], 9)).map((run) => run.startedAt)
    assert.deepEqual(startedAt, [4, 3, 2])
    assert.deepEqual(await index.lastWarmRunOfEach(), [runOf(4, '/a.txt')])
  })
})

test('a run that failed before its end is none that was killed', async () => {
  await withStore(async ({ index }) => {
    await index.beginWarmRun({ ...runOf(1, '/a.txt'), results: undefined })
    await index.beginWarmRun({ ...runOf(2, '/b.txt'), results: undefined })
    await index.forgetBegunWarmRun(['/a.txt'])
    await index.closeWarmRuns()
    assert.deepEqual(
      (await index.lastWarmRuns(9)).map(({ lists }) => lists),
      [['/b.txt']],
    )
  })
})

test('runs that are killed each time leave no more behind than others', async () => {
  await withStore(async ({ index }) => {
    for (let n = 0; n < RUNS_KEPT + 10; n += 1) {
      await index.beginWarmRun({ ...runOf(n, '/a.txt'), results: undefined })
      await index.closeWarmRuns()
    }
    assert.equal((await index.lastWarmRuns(1000)).length, RUNS_KEPT)
  })
})

test('all pins of a run go at once and no others, and those of all runs together', async () => {
  await withStore(async ({ index }, folder) => {
    const database = new Database(layoutOf(folder).index, { readonly: true })
    const pins = database.prepare('SELECT pinned_by FROM pin ORDER BY pinned_by').pluck()
    const others = ['list.txt', 'warm (running)!']
    for (const by of ['warm (running) 1', 'warm (running) 2', 'warm (running) 22', ...others]) {
      await index.pin(APP, { tag: TAG }, by, 1)
    }
    await index.unpinAll('warm (running) 2')
    assert.deepEqual(pins.all(), ['list.txt', 'warm (running) 1', 'warm (running) 22', others[1]])
    await index.unpinAll('warm (running)')
    assert.deepEqual(pins.all(), others)
    database.close()
  })
})

test('an index from before there were runs takes them, and what it held stays', async () => {
  await using folder = new TempFolder('warm-runs')
  const layout = layoutOf(folder.path)
  const database = new Database(layout.index)
  for (const step of MIGRATIONS.slice(0, 3)) database.exec(step)
  database.exec(`
    PRAGMA user_version = 3;
    INSERT INTO repository VALUES (1, 'docker.io', 'app', 1, 1);
    INSERT INTO tag VALUES (1, 'latest', 'sha256:${'a'.repeat(64)}', NULL, NULL, NULL, 1, 1);`)
  database.close()
  const { index, unlock } = openIndex(layout, undefined)
  assert.equal(index.findTag(APP, TAG)?.checkedAt, 1)
  const run = { startedAt: 1, lists: ['/a.txt'], report: '{}', results: undefined }
  index.recordWarmRun(run)
  assert.deepEqual(index.lastWarmRuns(2), [run])
  assert.ok(readdirSync(folder.path).includes('index-v3.backup.db'))
  index.close()
  unlock()
})

test('the list of what failed is replaced whole, and taken away where nothing failed', async () => {
  await withStore(async (store, folder) => {
    const file = path.join(folder, 'warm-failed.txt')
    assert.equal(await store.saveWarmFailed(undefined), undefined)
    assert.equal(await store.saveWarmFailed('nginx:1\nredis:7\n'), file)
    assert.equal(await store.saveWarmFailed('nginx:1\n'), file)
    assert.equal(readFileSync(file, 'utf8'), 'nginx:1\n')
    assert.equal(await store.saveWarmFailed(undefined), undefined)
    assert.ok(!existsSync(file))
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('warm-failed')),
      [],
    )
  })
})

test('where that list cannot be written it is said, and nothing is left half written', async () => {
  await withStore(async (store, folder) => {
    mkdirSync(path.join(folder, 'warm-failed.txt'))
    await assert.rejects(store.saveWarmFailed('nginx:1\n'), {
      name: 'StoreError',
      message: /cannot write .*warm-failed\.txt/,
    })
    assert.ok(!existsSync(path.join(folder, 'warm-failed.txt.new')))
  })
})
