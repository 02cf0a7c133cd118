import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreRoom } from '../../../src/care/room.ts'
import type { RoomOptions } from '../../../src/care/room.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { repositoryOf } from '../../support/held-images.ts'
import { KeptStore } from '../../support/kept-store.ts'

const MIB = 2 ** 20

// On a disk of which nothing more may be taken than what is taken now.
function roomOf(
  { store: { index, blobs, ...kept } }: KeptStore,
  reader: RoomOptions['reader'] = kept.reader,
): StoreRoom {
  const full = { freeBytes: MIB, totalBytes: 2 ** 40 }
  const store = { ...blobs, disk: () => Promise.resolve(full) }
  const space = { maxBytes: undefined, minFreeBytes: MIB, keepUntaggedMs: undefined }
  const events = { evicted() {}, roomFailed: assert.fail } as never
  const flushUses = (): Promise<void> => Promise.resolve()
  return new StoreRoom({ index, reader, store, space, events, flushUses, now: Date.now })
}

test('nothing goes for what does not fit beside what was pinned just now', async () => {
  await using kept = await KeptStore.open()
  const { index } = kept.store
  const pinned = await kept.add(Buffer.alloc(2 * MIB, 1))
  const loose = await kept.add(Buffer.alloc(MIB, 2))
  const room = roomOf(kept)
  try {
    assert.ok((await room.report()).capacityBytes >= 3 * MIB, 'all of it could go')
    await index.pin(repositoryOf('app'), { digest: pinned }, 'list', 1)
    const digest = digestOf(Buffer.from('new'))
    assert.equal(await room.reserve(digest, 2 * MIB), undefined)
    assert.ok(await index.findBlob(loose), 'it stays')
    assert.ok(await room.reserve(digest, MIB / 2))
    assert.equal(await index.findBlob(loose), undefined)
    assert.ok(await index.findBlob(pinned))
  } finally {
    await room.close()
  }
})

test('room is made where what is pinned cannot be counted, and that is not tried every time', async () => {
  await using kept = await KeptStore.open()
  const { reader, index } = kept.store
  const pinned = await kept.add(Buffer.alloc(1, 'pinned'))
  await index.pin(repositoryOf('app'), { digest: pinned }, 'list', 1)
  let counts = 0
  const failing = {
    ...reader,
    pinnedBytes: () => {
      counts += 1
      return Promise.reject(new Error('disk I/O error'))
    },
  }
  const room = roomOf(kept, failing)
  try {
    for (const name of ['first', 'second']) {
      await kept.add(Buffer.alloc(2 * MIB, name))
      assert.ok(await room.reserve(digestOf(Buffer.from(name)), MIB / 2))
    }
    assert.equal(counts, 1)
  } finally {
    await room.close()
  }
})

test('what is pinned is counted again only when that has changed', async () => {
  await using kept = await KeptStore.open()
  const { index, reader } = kept.store
  const pinned = await kept.add(Buffer.alloc(2 * MIB, 1))
  let counts = 0
  const counting = {
    ...reader,
    pinnedBytes: () => {
      counts += 1
      return reader.pinnedBytes()
    },
  }
  const room = roomOf(kept, counting)
  const reserve = (name: string): Promise<unknown> =>
    room.reserve(digestOf(Buffer.from(name)), MIB / 4)
  try {
    await kept.add(Buffer.alloc(MIB, 2))
    await reserve('first')
    const first = counts
    await kept.add(Buffer.alloc(MIB, 3))
    await reserve('second')
    assert.equal(counts, first)
    await index.pin(repositoryOf('app'), { digest: pinned }, 'list', 1)
    await reserve('third')
    assert.equal(counts, first + 1)
  } finally {
    await room.close()
  }
})
