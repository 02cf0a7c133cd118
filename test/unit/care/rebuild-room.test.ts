import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { StoreRoom } from '../../../src/care/room.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import type { PendingCheck } from '../../../src/store/index-port.ts'
import { KeptStore } from '../../support/kept-store.ts'

const MIB = 2 ** 20

function roomOf(t: TestContext, kept: KeptStore, maxBytes: number | undefined) {
  let pending: PendingCheck | undefined = {
    kind: 'rebuild',
    from: kept.folder.join('quarantine/index-2026.db'),
  }
  const index = { ...kept.store.index, pendingCheck: () => Promise.resolve(pending) }
  const space = { maxBytes, minFreeBytes: 0, keepUntaggedMs: undefined }
  const events = { evicted() {}, roomFailed: assert.fail } as never
  const flushUses = (): Promise<void> => Promise.resolve()
  const { blobs: store, reader } = kept.store
  const room = new StoreRoom({ index, reader, store, space, events, flushUses, now: Date.now })
  t.after(() => room.close())
  const done = (): void => {
    pending = undefined
  }
  return { room, done }
}

test('while the index is made again nothing is stored under a limit, since what is stored is not counted', async (t) => {
  await using kept = await KeptStore.open()
  const digest = digestOf(Buffer.from('new'))
  const { room, done } = roomOf(t, kept, 100 * MIB)
  assert.equal(await room.reserve(digest, MIB), undefined)
  done()
  assert.ok(await room.reserve(digest, MIB))

  const { room: unlimited } = roomOf(t, kept, undefined)
  assert.ok(await unlimited.reserve(digest, MIB))
})

test('the damaged index that another is made from is not what makes room', async (t) => {
  await using kept = await KeptStore.open()
  const { room, done } = roomOf(t, kept, 100 * MIB)
  mkdirSync(kept.folder.join('quarantine'), { recursive: true })
  for (const name of ['index-2026.db', 'index-2026.db-wal', 'sha256-other']) {
    writeFileSync(kept.folder.join('quarantine', name), name)
  }
  const names = async () => (await room.evictor.quarantined()).map(({ name }) => name).sort()
  assert.deepEqual(await names(), ['sha256-other'])
  done()
  assert.equal((await names()).length, 3)
})
