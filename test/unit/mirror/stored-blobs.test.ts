import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { Integrity } from '../../../src/care/integrity.ts'
import { StoreError } from '../../../src/errors.ts'
import { logMirrorEvents } from '../../../src/mirror/events.ts'
import { StoredBlobs } from '../../../src/mirror/stored-blobs.ts'
import type { BlobStore } from '../../../src/store/blob-store.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { ScriptedRoom } from '../../support/scripted-room.ts'

async function setting(t: TestContext, changed: Partial<BlobStore> = {}) {
  const kept = await KeptStore.open()
  t.after(() => kept[Symbol.asyncDispose]())
  const { index, hasher } = kept.store
  const store = { ...kept.store.blobs, ...changed }
  const told: string[] = []
  const tell = (message: string): void => void told.push(message)
  const log = { debug: tell, info: tell, warn: tell, error: tell }
  const damaged = (): void => tell('moved to quarantine')
  const room = new ScriptedRoom()
  const integrity = new Integrity({ index, store, hasher, room, damaged, now: Date.now })
  const events = logMirrorEvents(log)
  return { kept, told, stored: new StoredBlobs({ index, store, room, integrity, events }) }
}

test('a blob that cannot be read leaves its place before that is told', async (t) => {
  const { kept, told, stored } = await setting(t)
  const digest = await kept.add(Buffer.from('content'))
  await stored.takeOutOfService(digest, 'EIO', (await kept.store.blobs.find(digest))?.stamp ?? '')
  assert.deepEqual(told, ['moved to quarantine'])
  assert.deepEqual(
    (await kept.store.blobs.quarantined()).map(({ name }) => name),
    [digest.replace(':', '-')],
  )
  assert.equal(await kept.store.index.findBlob(digest), undefined)
})

test('one that cannot be moved either is told as that, and is fetched again', async (t) => {
  const quarantine = (): Promise<never> => Promise.reject(new StoreError('io', 'read-only disk'))
  const { kept, told, stored } = await setting(t, { quarantine })
  const digest = await kept.add(Buffer.from('content'))
  await stored.takeOutOfService(digest, 'EIO', (await kept.store.blobs.find(digest))?.stamp ?? '')
  assert.equal(told.length, 1)
  assert.match(told[0] ?? '', /is fetched again: EIO; read-only disk$/)
  assert.equal(await kept.store.index.findBlob(digest), undefined)
})
