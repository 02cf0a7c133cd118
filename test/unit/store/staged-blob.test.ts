import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { digestOf } from '../../../src/oci/digest.ts'
import { openBlobFiles } from '../../../src/store/blob-files.ts'
import type { BlobStore, StagedBlob } from '../../../src/store/blob-store.ts'
import { extentsPath, layoutOf, stagingPath } from '../../../src/store/layout.ts'
import type { Layout } from '../../../src/store/layout.ts'
import { publishedDigests, publishedPath, stagedNames } from '../../support/store-invariants.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const BYTES = Buffer.from('0123456789'.repeat(1000))
const DIGEST = digestOf(BYTES)
const PARTS = [
  { start: 0, end: 1000 },
  { start: 2000, end: 5000 },
]

interface Store {
  readonly folder: TempFolder
  readonly layout: Layout
  readonly blobs: BlobStore
}

async function opened(): Promise<Store> {
  const folder = new TempFolder('staged')
  const layout = layoutOf(folder.path)
  return { folder, layout, blobs: await openBlobFiles(layout) }
}

// As a broken download leaves it: PARTS are there, the first of them synced.
async function leave({ blobs }: Store): Promise<void> {
  const staged = await blobs.stage(DIGEST)
  const [first, second] = PARTS as [(typeof PARTS)[0], (typeof PARTS)[0]]
  await staged.write(first.start, [BYTES.subarray(0, 500), BYTES.subarray(500, 1000)])
  staged.note([first], BYTES.length)
  await staged.sync()
  await staged.write(second.start, [BYTES.subarray(second.start, second.end)])
  staged.note(PARTS, BYTES.length)
  await staged.park()
  await staged.close()
}

async function dismiss(staged: StagedBlob): Promise<void> {
  await staged.discard()
  await staged.close()
}

function changeNote({ layout }: Store, change: (note: Record<string, unknown>) => object): void {
  const file = extentsPath(layout, DIGEST)
  const note = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  writeFileSync(file, JSON.stringify(change(note)))
}

// [what happened, what is then believed]
const AFTER: [string, (store: Store) => void, readonly object[]][] = [
  ['nothing else happened', () => {}, PARTS],
  [
    'the machine has started again since: only what was synced counts',
    (store) => changeNote(store, (note) => ({ ...note, boot: 'another' })),
    PARTS.slice(0, 1),
  ],
  [
    'the note is torn',
    ({ layout }) => {
      const file = extentsPath(layout, DIGEST)
      writeFileSync(file, readFileSync(file).subarray(0, 40))
    },
    [],
  ],
  ['the note is empty', ({ layout }) => truncateSync(extentsPath(layout, DIGEST), 0), []],
  ['the note is of another kind', (store) => changeNote(store, () => ({})), []],
  ['the note is no object', ({ layout }) => writeFileSync(extentsPath(layout, DIGEST), 'null'), []],
  [
    'the file is shorter than its note says',
    ({ layout }) => truncateSync(stagingPath(layout, DIGEST), 4999),
    [],
  ],
]

for (const [what, happen, extents] of AFTER) {
  test(`a download taken up again when ${what}`, async () => {
    const store = await opened()
    await using _folder = store.folder
    await leave(store)
    happen(store)
    const staged = await store.blobs.stage(DIGEST)
    assert.deepEqual(staged.extents, extents)
    assert.equal(staged.totalBytes, extents.length > 0 ? BYTES.length : undefined)
    await dismiss(staged)
    assert.deepEqual(stagedNames(store.folder.path), [])
  })
}

test('a shorter note leaves nothing of a longer one behind', async () => {
  const store = await opened()
  await using _folder = store.folder
  const many = Array.from({ length: 50 }, (_, n) => ({ start: n * 10, end: n * 10 + 5 }))
  const first = await store.blobs.stage(DIGEST)
  await first.write(0, [BYTES])
  first.note(many, BYTES.length)
  first.note(PARTS, BYTES.length)
  await first.park()
  await first.close()
  const second = await store.blobs.stage(DIGEST)
  assert.deepEqual(second.extents, PARTS)
  await dismiss(second)
})

test('published content is whole under its name, and nothing stays staged', async () => {
  const store = await opened()
  await using _folder = store.folder
  const staged = await store.blobs.stage(DIGEST)
  await staged.write(0, [BYTES, Buffer.from('written past the end by an earlier attempt')])
  await staged.publish(BYTES.length)
  const { path } = store.folder
  assert.deepEqual(publishedDigests(path), [DIGEST])
  assert.deepEqual(readFileSync(publishedPath(path, DIGEST)), BYTES)
  assert.deepEqual(stagedNames(path), [])
  // Whoever reads the download goes on reading it.
  const buffer = Buffer.alloc(10)
  assert.equal(readSync(staged.fd, buffer, 0, 10, 20), 10)
  await staged.close()
  const stored = await store.blobs.open(DIGEST)
  assert.equal(stored?.sizeBytes, BYTES.length)
  await stored?.close()
})

test('content that is not there is not an error, wherever it is asked for', async () => {
  const store = await opened()
  await using _folder = store.folder
  assert.equal(await store.blobs.open(DIGEST), undefined)
  await store.blobs.quarantine(DIGEST)
})

test('a folder that cannot be read is told as such', async () => {
  const store = await opened()
  await using _folder = store.folder
  mkdirSync(stagingPath(store.layout, DIGEST))
  await assert.rejects(store.blobs.stage(DIGEST), { name: 'StoreError', kind: 'io' })
})
