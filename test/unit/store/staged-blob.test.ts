import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { digestOf } from '../../../src/oci/digest.ts'
import { openBlobFiles } from '../../../src/store/blob-files.ts'
import type { BlobStore, StagedBlob } from '../../../src/store/blob-store.ts'
import { extentsPath, layoutOf, stagingPath } from '../../../src/store/layout.ts'
import type { Layout } from '../../../src/store/layout.ts'
import { decodeNote, encodeNote, SLOT_BYTES } from '../../../src/store/staging-note.ts'
import type { NumberedNote } from '../../../src/store/staging-note.ts'
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
  await staged.note([first], BYTES.length)
  await staged.sync()
  await staged.write(second.start, [BYTES.subarray(second.start, second.end)])
  await staged.note(PARTS, BYTES.length)
  await staged.park()
  await staged.close()
}

async function dismiss(staged: StagedBlob): Promise<void> {
  await staged.discard()
  await staged.close()
}

function slots({ layout }: Store): Buffer {
  return readFileSync(extentsPath(layout, DIGEST))
}

function writeSlots({ layout }: Store, ...parts: readonly (Buffer | string)[]): void {
  writeFileSync(extentsPath(layout, DIGEST), Buffer.concat(parts.map((part) => Buffer.from(part))))
}

function lastNote(store: Store): NumberedNote {
  const last = decodeNote(slots(store))
  assert.ok(last)
  return last
}

function record(sequence: number, note: NumberedNote['note']): Buffer {
  const slot = encodeNote({ sequence, note })
  assert.ok(slot)
  return slot
}

// As when the power fails while a sector of it is written.
function torn(slot: Buffer): Buffer {
  return Buffer.concat([slot.subarray(0, 100), Buffer.alloc(50), slot.subarray(150)])
}

// [what happened, what is then believed]
const AFTER: [string, (store: Store) => void, readonly object[]][] = [
  ['nothing else happened', () => {}, PARTS],
  [
    'the machine has started again since: only what was synced counts',
    (store) => {
      const { sequence, note } = lastNote(store)
      const slot = record(sequence + 1, { ...note, boot: 'another' })
      writeSlots(store, slot, slot)
    },
    PARTS.slice(0, 1),
  ],
  [
    'the last record of the note is torn: the one before it counts',
    (store) => {
      const { note } = lastNote(store)
      writeSlots(store, torn(record(8, note)), record(7, { ...note, written: PARTS.slice(1) }))
    },
    PARTS.slice(1),
  ],
  [
    'the first record is the older one',
    (store) => {
      const { note } = lastNote(store)
      writeSlots(store, record(8, { ...note, written: PARTS.slice(1) }), record(9, note))
    },
    PARTS,
  ],
  [
    'both records of the note are torn',
    (store) => {
      const both = slots(store)
      writeSlots(store, torn(both.subarray(0, SLOT_BYTES)), torn(both.subarray(SLOT_BYTES)))
    },
    [],
  ],
  [
    'a first version wrote the note, as one bare record',
    (store) => writeSlots(store, JSON.stringify(lastNote(store).note).padEnd(SLOT_BYTES)),
    PARTS,
  ],
  [
    'the bare record of a first version is torn',
    (store) => writeSlots(store, JSON.stringify(lastNote(store).note).slice(0, 40)),
    [],
  ],
  ['the note is empty', (store) => writeSlots(store), []],
  ['the note is of another kind', (store) => writeSlots(store, '{}'), []],
  ['the note is no object', (store) => writeSlots(store, 'null'), []],
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
  await first.note(many, BYTES.length)
  await first.note(many, BYTES.length)
  await first.note(PARTS, BYTES.length)
  await first.park()
  await first.close()
  const second = await store.blobs.stage(DIGEST)
  assert.deepEqual(second.extents, PARTS)
  await dismiss(second)
})

test('a note that is not believed is never believed later, when the file has grown', async () => {
  const store = await opened()
  await using _folder = store.folder
  await leave(store)
  truncateSync(stagingPath(store.layout, DIGEST), 10)
  const killed = await store.blobs.stage(DIGEST)
  await killed.write(4000, [BYTES.subarray(4000, 6000)])
  const next = await store.blobs.stage(DIGEST)
  assert.deepEqual(next.extents, [])
  await dismiss(next)
  await dismiss(killed)
})

test('notes that are asked for at once are written one after another, the last as the last', async () => {
  const store = await opened()
  await using _folder = store.folder
  const staged = await store.blobs.stage(DIGEST)
  await staged.write(0, [BYTES])
  const all = Array.from({ length: 20 }, (_, n) => staged.note([{ start: 0, end: n + 1 }], 20))
  await Promise.all([...all, staged.sync()])
  assert.deepEqual(lastNote(store).note.written, [{ start: 0, end: 20 }])
  assert.deepEqual(lastNote(store).note.synced, [{ start: 0, end: 20 }])
  await dismiss(staged)
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
