import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { StoreRoom } from '../../../src/care/room.ts'
import { KeptStore } from '../../support/kept-store.ts'

const FILES = 15

function roomOf(kept: KeptStore, minFreeBytes: number) {
  const asked = { disk: 0, quarantined: 0 }
  const { index, reader, blobs } = kept.store
  const store = {
    ...blobs,
    disk: () => {
      asked.disk += 1
      return Promise.resolve({ freeBytes: 0, totalBytes: 2 ** 40 })
    },
    quarantined: () => {
      asked.quarantined += 1
      return blobs.quarantined()
    },
  }
  const space = { maxBytes: undefined, minFreeBytes, keepUntaggedMs: undefined }
  const events = { evicted() {}, roomFailed: assert.fail } as never
  const flushUses = (): Promise<void> => Promise.resolve()
  const room = new StoreRoom({ index, reader, store, space, events, flushUses, now: Date.now })
  return { room, asked }
}

test('however many files go, the disk and the quarantine are asked no more often', async () => {
  await using kept = await KeptStore.open()
  for (let n = 0; n < FILES; n += 1) await kept.add(Buffer.from(`content ${n}`))
  const { room, asked } = roomOf(kept, FILES * 4096)
  await room.check()
  assert.equal((await kept.store.index.usage()).blobs, 0)
  assert.ok(asked.disk <= 5, `the disk ${asked.disk} times`)
  assert.ok(asked.quarantined <= 3, `the quarantine ${asked.quarantined} times`)
  await room.close()
})

test('what is put into quarantine counts at once, what somebody took out from the next check on', async () => {
  await using kept = await KeptStore.open()
  const digest = await kept.add(Buffer.alloc(10_000, 1))
  const { room } = roomOf(kept, 0)
  const bytes = async (): Promise<number> => (await room.report()).taken.quarantinedBytes
  assert.equal(await bytes(), 0)
  await kept.store.blobs.quarantine(digest)
  assert.equal(await bytes(), 12_288)
  rmSync(kept.folder.join(`quarantine/${digest.replace(':', '-')}`))
  await room.check()
  assert.equal(await bytes(), 0)
  await room.close()
})
