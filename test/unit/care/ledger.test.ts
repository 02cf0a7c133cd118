import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ledger } from '../../../src/care/ledger.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import type { BlobStore } from '../../../src/store/blob-store.ts'
import type { Index } from '../../../src/store/index-port.ts'

test('what is published and let go while the disk is being asked is counted all the same', async () => {
  const disk = Promise.withResolvers<undefined>()
  let blobBytes = 0
  const index = { usage: () => Promise.resolve({ blobs: 0, blobBytes, indexBytes: 0 }) }
  const store = {
    disk: () => disk.promise,
    stagedBytes: () => Promise.resolve(0),
    quarantinedBytes: () => Promise.resolve(0),
  }
  const ledger = new Ledger(index as unknown as Index, store as unknown as BlobStore)
  const held = { digest: digestOf(Buffer.from('one')), bytes: 0, writtenBytes: 0 }
  ledger.hold(held, 1000)
  const measuring = ledger.taken()
  await new Promise(setImmediate)
  blobBytes = 1000
  ledger.letGo(held, undefined, 0)
  disk.resolve(undefined)
  const { blobBytes: counted, reservedBytes } = await measuring
  assert.equal(counted + reservedBytes, 1000)
})
