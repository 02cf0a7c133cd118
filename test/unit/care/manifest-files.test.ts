import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManifestFiles } from '../../../src/care/manifest-files.ts'
import { StoreRoom } from '../../../src/care/room.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import type { HeldManifest } from '../../../src/store/index-port.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { ScriptedRoom } from '../../support/scripted-room.ts'

function manifestOf(n: number): HeldManifest {
  const bytes = Buffer.from(JSON.stringify({ n }))
  return { digest: digestOf(bytes), mediaType: 'application/json', bytes }
}

test('where there is no room, manifests wait for none, and nothing is evicted for them', async (t) => {
  await using kept = await KeptStore.open()
  const { index, reader, blobs: store } = kept.store
  const digest = await kept.add(Buffer.alloc(100_000, 'content'))
  const { blobBytes, indexBytes } = await index.usage()
  // As much as is taken, with what is counted beside it.
  const space = {
    maxBytes: blobBytes + indexBytes + 2 ** 21,
    minFreeBytes: 0,
    keepUntaggedMs: undefined,
  }
  const events = { evicted: assert.fail, roomFailed: assert.fail } as never
  const flushUses = (): Promise<void> => Promise.resolve()
  const room = new StoreRoom({ index, reader, store, space, events, flushUses, now: Date.now })
  t.after(() => room.close())
  const files = new ManifestFiles({ index, store, room, now: Date.now })
  for (let n = 0; n < 50; n += 1) files.keep(manifestOf(n))
  await files.settled()
  assert.ok(await store.find(digest))
  assert.equal(await store.find(manifestOf(0).digest), undefined)
})

test('a stop waits for those that wait, but not for ever, and takes no more', async (t) => {
  await using kept = await KeptStore.open()
  const { index, blobs: store } = kept.store
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const room = new ScriptedRoom()
  const stuck = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  const reserve = room.reserve.bind(room)
  t.mock.method(room, 'reserve', async (digest: never, bytes: number) => {
    asked.resolve()
    await stuck.promise
    return await reserve(digest, bytes)
  })
  const files = new ManifestFiles({ index, store, room, now: Date.now })
  for (let n = 0; n < 3; n += 1) files.keep(manifestOf(n))
  await asked.promise
  const closing = files.close()
  t.mock.timers.tick(10_000)
  await new Promise((resolve) => setImmediate(resolve))
  stuck.resolve()
  await closing
  files.keep(manifestOf(9))
  await files.settled()
  assert.equal((await index.usage()).blobs, 1)
})
