// An index that is lost or broken while the content is there: nobody notices who pulls, the old file is
// kept, and what can be known again without upstream is.
import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { MIGRATIONS } from '../../src/store/migrations.ts'
import { buildImage } from '../support/images.ts'
import { oneOnBinary } from '../support/packaged-mirror.ts'
import { publishedPath, quarantinedNames } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const PAGE_BYTES = 4096
const image = buildImage({ seed: 'index', form: 'oci', smallLayers: 2 })
const manifests = [...image.manifests.keys()]

const MADE_AGAIN = /^the index is made again: /
const CHECKED = /^the store was checked after /

function indexOf(setting: Setting): string {
  return path.join(setting.mirror.folder, 'index.db')
}

async function startPulled(): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addImage('library/app', '1', image)
  await pullWhole(setting.mirror, 'app', '1', image)
  await stored(setting.mirror, image)
  // Which also writes the manifests' files to the end.
  await setting.mirror.stop()
  setting.asked()
  return setting
}

// Of upstream, apart from a first byte, which is how it is asked whether it has a blob.
function fetched(setting: Setting): string[] {
  return setting.asked().filter((line) => line.startsWith('GET') && !line.endsWith('bytes=0-0'))
}

function overwrite(file: string, from: number, bytes: Buffer): void {
  const fd = openSync(file, 'r+')
  try {
    writeSync(fd, bytes, 0, bytes.length, from)
  } finally {
    closeSync(fd)
  }
}

// Of the table or index that is stored there, by SQLite's own account.
function pagesOf(file: string, name: string): number[] {
  const index = new Database(file, { readonly: true })
  try {
    const rows = index.prepare('SELECT pageno FROM dbstat WHERE name = ? ORDER BY pageno').pluck()
    return rows.all(name) as number[]
  } finally {
    index.close()
  }
}

function garble(file: string, pages: readonly number[]): void {
  for (const page of pages) {
    overwrite(file, (page - 1) * PAGE_BYTES, Buffer.alloc(PAGE_BYTES, 0xa5))
  }
}

// [what is wrong, how it came to be, whether the old index is kept to be looked at]
const LOSSES: [string, (file: string) => void, boolean][] = [
  ['is missing', (file) => rmSync(file), false],
  ['is empty', (file) => truncateSync(file, 0), false],
  ['begins with garbage', (file) => overwrite(file, 0, Buffer.alloc(100, 0x5a)), true],
  [
    'has a version that never was',
    (file) => overwrite(file, 60, Buffer.from('80000000', 'hex')),
    true,
  ],
  ['says an older version', (file) => overwrite(file, 60, Buffer.from('00000001', 'hex')), true],
  ['is cut in the middle of a page', (file) => truncateSync(file, 3 * PAGE_BYTES + 77), true],
]

for (const [what, damage, kept] of oneOnBinary(LOSSES)) {
  test(`an index that ${what} is made again, and no content is fetched twice`, async () => {
    await using setting = await startPulled()
    const { mirror } = setting
    damage(indexOf(setting))
    await mirror.restart()
    await mirror.logged(MADE_AGAIN)

    await pullWhole(mirror, 'app', '1', image)
    assert.deepEqual(fetched(setting), [], 'what is stored is only asked about')
    const names = quarantinedNames(mirror.folder).filter((name) => name.startsWith('index-'))
    assert.equal(names.length > 0, kept)
    await mirror.restart({ offline: true })
    await pullWhole(mirror, 'app', '1', image)
    assert.equal(mirror.lines.filter(({ message }) => MADE_AGAIN.test(message)).length, 1)
  })
}

test('an index of a newer version is refused whatever its number, unless it is damaged', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  const file = indexOf(setting)
  for (const version of ['00000400', '7fffffff']) {
    overwrite(file, 60, Buffer.from(version, 'hex'))
    await assert.rejects(mirror.restart(), /was written by a newer regmirror/)
    assert.deepEqual(quarantinedNames(mirror.folder), [])
  }
  overwrite(file, 100, Buffer.alloc(1000, 0x5a))
  await mirror.restart()
  await mirror.logged(MADE_AGAIN)
})

test('a pull does not wait until the index is made again', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  rmSync(indexOf(setting))
  await mirror.restart()
  await pullWhole(mirror, 'app', '1', image)
  assert.deepEqual(
    fetched(setting).filter((line) => line.includes('/blobs/')),
    [],
  )
})

// [what of the index is garbled, what can still be pulled without upstream]
const DAMAGES: readonly string[] = ['manifest', 'blob', 'tag_digest']

for (const table of oneOnBinary(DAMAGES)) {
  test(`with the pages of ${table} garbled, the image is still there without upstream`, async () => {
    await using setting = await startPulled()
    const { mirror } = setting
    garble(indexOf(setting), pagesOf(indexOf(setting), table))
    // As whatever noticed it first leaves it.
    writeFileSync(path.join(mirror.folder, 'index.damaged'), 'for the test\n')
    await mirror.restart({ offline: true })
    await mirror.logged(MADE_AGAIN)
    await pullWhole(mirror, 'app', '1', image)
    assert.ok(!existsSync(path.join(mirror.folder, 'index.damaged')))
    assert.deepEqual(setting.asked(), [])
  })
}

test('garbage in place of the latest changes is seen through', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  writeFileSync(`${indexOf(setting)}-wal`, Buffer.alloc(100_000, 'wal'))
  await mirror.restart({ offline: true })
  await pullWhole(mirror, 'app', '1', image)
})

test('damage that is met while pulls go on is repaired at the next start', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  garble(indexOf(setting), pagesOf(indexOf(setting), 'manifest'))
  await mirror.restart()
  await pullWhole(mirror, 'app', '1', image)
  await mirror.logged(/^the index is damaged .*restart regmirror, which then makes it again/)
  await mirror.restart()
  await mirror.logged(MADE_AGAIN)
  await mirror.restart({ offline: true })
  await pullWhole(mirror, 'app', '1', image)
})

test('a manifest whose bytes changed in the index is not served, and is there again at once', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  const [digest = ''] = manifests
  const index = new Database(indexOf(setting))
  index.prepare(`UPDATE manifest SET bytes = CAST('{}' AS BLOB) WHERE digest = ?`).run(digest)
  index.close()
  await mirror.restart({ offline: true })
  await pullWhole(mirror, 'app', '1', image)
  assert.deepEqual(setting.asked(), [])
})

test('each manifest lies beside the content it names', async () => {
  await using setting = await startPulled()
  for (const [digest, { bytes }] of image.manifests) {
    assert.ok(readFileSync(publishedPath(setting.mirror.folder, digest)).equals(bytes), digest)
  }
})

test('after a stop in mid-work files and rows are brought together, and not after an orderly one', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  const [first = '', second = ''] = [...image.blobs.keys()]
  const index = new Database(indexOf(setting))
  index.prepare(`INSERT INTO state (name, value) VALUES ('open', '1')`).run()
  index.prepare('DELETE FROM blob WHERE digest = ?').run(first)
  index.close()
  rmSync(publishedPath(mirror.folder, second))
  // As a crash leaves it between the move of a finished download and the removal of its note.
  const note = path.join(mirror.folder, 'staging', `${first.replace(':', '-')}.json`)
  writeFileSync(note, '{}')
  await mirror.restart()
  await mirror.logged(CHECKED)
  assert.ok(!existsSync(note))
  const line = mirror.lines.find(({ message }) => CHECKED.test(message))
  assert.match(line?.message ?? '', /: 1 files taken over, 1 rows without a file forgotten, /)
  await pullWhole(mirror, 'app', '1', image)
  assert.deepEqual(setting.asked(), [`GET library/app/blobs/${second}`])
  await mirror.restart()
  await mirror.restart()
  assert.equal(mirror.lines.filter(({ message }) => CHECKED.test(message)).length, 1)
})

test('an index that an unclean stop left damaged is noticed by the check, with one instruction', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  const file = indexOf(setting)
  const index = new Database(file)
  index.prepare(`INSERT INTO state (name, value) VALUES ('open', '1')`).run()
  index.close()
  garble(file, pagesOf(file, 'pull_count'))
  await mirror.restart()
  await mirror.logged(/^the index is damaged .*restart regmirror, which then makes it again/)
  await pullWhole(mirror, 'app', '1', image)
  await mirror.restart()
  await mirror.logged(MADE_AGAIN)
})

test('the index of an earlier version is copied before it is changed, and only one copy is kept', async () => {
  await using setting = await startPulled()
  const { mirror } = setting
  const file = indexOf(setting)
  const fd = openSync(path.join(mirror.folder, 'index-v1.backup.db'), 'w')
  ftruncateSync(fd, 10)
  closeSync(fd)
  asVersion2(file)
  await mirror.restart({ offline: true })
  const backups = readdirSync(mirror.folder).filter((name) => name.includes('backup'))
  assert.deepEqual(backups, ['index-v2.backup.db'])
  const backup = new Database(path.join(mirror.folder, 'index-v2.backup.db'), { readonly: true })
  assert.equal(backup.pragma('user_version', { simple: true }), 2)
  assert.equal(backup.prepare('SELECT count(*) FROM manifest').pluck().get(), manifests.length)
  backup.close()
  await pullWhole(mirror, 'app', '1', image)
})

// As an index that never saw the migrations behind the second.
function asVersion2(file: string): void {
  const old = new Database(`${file}.old`)
  for (const step of MIGRATIONS.slice(0, 2)) old.exec(step)
  old.pragma('foreign_keys = OFF')
  old.exec(`ATTACH '${file}' AS newer`)
  const tables = `SELECT name FROM main.sqlite_schema WHERE type = 'table'`
  for (const table of old.prepare(tables).pluck().all() as string[]) {
    const columns = old.prepare(`SELECT name FROM pragma_table_info('${table}')`).pluck().all()
    const names = columns.join(', ')
    old.exec(`INSERT INTO main.${table} (${names}) SELECT ${names} FROM newer.${table}`)
  }
  old.exec('DETACH newer')
  old.pragma('user_version = 2')
  old.close()
  renameSync(`${file}.old`, file)
}
