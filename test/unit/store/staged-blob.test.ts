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

// As a killed process leaves it: nothing is noted at its end.
async function takenUp(store: Store, left: StagedBlob): Promise<StagedBlob> {
  await left.close()
  return await store.blobs.stage(DIGEST)
}

test('what is appended after a note needs none', async () => {
  const store = await opened()
  await using _folder = store.folder
  const killed = await store.blobs.stage(DIGEST)
  assert.equal(killed.isNoted, false)
  await killed.write(0, [BYTES.subarray(0, 1000)])
  await killed.note([{ start: 0, end: 1000 }], BYTES.length)
  assert.equal(killed.isNoted, true)
  await killed.write(1000, [BYTES.subarray(1000, 3000)])
  const next = await takenUp(store, killed)
  assert.deepEqual(next.extents, [{ start: 0, end: 3000 }])
  await next.write(3000, [BYTES.subarray(3000, 3500)])
  const last = await takenUp(store, next)
  assert.deepEqual(last.extents, [{ start: 0, end: 3500 }])
  await dismiss(last)
})

test('what is written past the end is never taken for appended, nor is the hole before it', async () => {
  const store = await opened()
  await using _folder = store.folder
  const killed = await store.blobs.stage(DIGEST)
  await killed.write(0, [BYTES.subarray(0, 1000)])
  await killed.note([{ start: 0, end: 1000 }], BYTES.length)
  await killed.write(1000, [BYTES.subarray(1000, 2000)])
  await killed.write(5000, [BYTES.subarray(5000, 6000)])
  assert.equal(killed.isNoted, false)
  const next = await takenUp(store, killed)
  assert.deepEqual(next.extents, [{ start: 0, end: 2000 }])
  // It goes on in a file that ends there.
  await next.write(8000, [BYTES.subarray(8000, 9000)])
  const last = await takenUp(store, next)
  assert.deepEqual(last.extents, [{ start: 0, end: 2000 }])
  await dismiss(last)
})

test('of two writes at once at the end of the file neither counts before it is noted', async () => {
  const store = await opened()
  await using _folder = store.folder
  const killed = await store.blobs.stage(DIGEST)
  await killed.note([], BYTES.length)
  await killed.write(0, [BYTES.subarray(0, 1000)])
  await Promise.all([
    killed.write(1000, [BYTES.subarray(1000, 2000)]),
    killed.write(2000, [BYTES.subarray(2000, 3000)]),
  ])
  assert.deepEqual(lastNote(store).note, {
    ...lastNote(store).note,
    written: [{ start: 0, end: 1000 }],
    grows: false,
  })
  await killed.note([{ start: 0, end: 3000 }], BYTES.length)
  await killed.write(3000, [BYTES.subarray(3000, 4000)])
  const next = await takenUp(store, killed)
  assert.deepEqual(next.extents, [{ start: 0, end: 4000 }])
  await dismiss(next)
})

test('a download that was taken up where it grew may go on elsewhere', async () => {
  const store = await opened()
  await using _folder = store.folder
  const killed = await store.blobs.stage(DIGEST)
  await killed.note([], BYTES.length)
  await killed.write(0, [BYTES.subarray(0, 1000)])
  const next = await takenUp(store, killed)
  assert.deepEqual(next.extents, [{ start: 0, end: 1000 }])
  await next.write(5000, [BYTES.subarray(5000, 6000)])
  const last = await takenUp(store, next)
  assert.deepEqual(last.extents, [{ start: 0, end: 1000 }])
  await dismiss(last)
})

test('after a power loss nothing counts that was appended and not synced', async () => {
  const store = await opened()
  await using _folder = store.folder
  const lost = await store.blobs.stage(DIGEST)
  await lost.write(0, [BYTES.subarray(0, 1000)])
  await lost.note([{ start: 0, end: 1000 }], BYTES.length)
  await lost.sync()
  await lost.write(1000, [BYTES.subarray(1000, 3000)])
  const { sequence, note } = lastNote(store)
  const slot = record(sequence + 1, { ...note, boot: 'another' })
  writeSlots(store, slot, slot)
  const next = await takenUp(store, lost)
  assert.deepEqual(next.extents, [{ start: 0, end: 1000 }])
  // Nor does what is left of it count when the file grows again.
  await next.write(1000, [BYTES.subarray(1000, 1500)])
  await next.note([{ start: 0, end: 1500 }], BYTES.length)
  const last = await takenUp(store, next)
  assert.deepEqual(last.extents, [{ start: 0, end: 1500 }])
  await dismiss(last)
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
