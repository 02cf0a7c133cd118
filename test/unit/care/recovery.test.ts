import assert from 'node:assert/strict'
import { test } from 'node:test'
import { recover } from '../../../src/care/recovery.ts'
import type { Recovered, RecoveryEvents } from '../../../src/care/recovery-events.ts'
import type { PendingCheck } from '../../../src/store/index-port.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { unreadable } from '../../support/unreadable.ts'

const contents = [1, 2, 3].map((n) => Buffer.alloc(1000 * n, `content ${n}`))

async function recovered(kept: KeptStore, pending: PendingCheck): Promise<Recovered | undefined> {
  let found: Recovered | undefined
  const events: RecoveryEvents = {
    rebuildBegun() {},
    recovered: (_, counts) => (found = counts),
    indexDamaged: assert.fail,
    recoveryFailed: assert.fail,
    upkeepFailed: assert.fail,
  }
  const { blobs: store, inspection } = kept.store
  const index = { ...kept.store.index, pendingCheck: () => Promise.resolve(pending) }
  const { integrity, manifests } = kept
  const now = (): number => kept.now
  async function* brokenDownloads() {}
  const watch = { signal: new AbortController().signal, progress() {} }
  const parts = { index, store, integrity, manifests, inspection, brokenDownloads }
  await recover({ ...parts, events, now }, watch)
  return found
}

test('a file that cannot be looked at keeps no other one out of the index', async () => {
  await using kept = await KeptStore.open()
  const digests = (await Promise.all(contents.map((bytes) => kept.add(bytes)))).toSorted()
  for (const digest of digests) await kept.store.index.forgetBlob(digest)
  unreadable(kept.pathOf(digests[0] as (typeof digests)[0]))
  const found = await recovered(kept, { kind: 'rebuild', from: undefined })
  assert.deepEqual([found?.adopted, found?.unreadable], [2, 1])
  assert.equal((await kept.store.index.usage()).blobs, 2)
})

test('what an earlier version stored is served as it is, unless its size changed; the scrub begins with it', async () => {
  await using kept = await KeptStore.open()
  const { index, blobs } = kept.store
  const [same, other] = await Promise.all(contents.map((bytes) => kept.add(bytes)))
  assert.ok(same && other)
  await index.publishBlob(same, { sizeBytes: 1000, stamp: undefined, storedAt: 5 })
  await index.publishBlob(other, { sizeBytes: 1999, stamp: undefined, storedAt: 5 })

  await recovered(kept, { kind: 'reconcile' })
  assert.equal((await index.findBlob(same))?.stamp, undefined)
  await recovered(kept, { kind: 'reconcile', isUnstamped: true })
  assert.equal((await index.findBlob(same))?.stamp, (await blobs.find(same))?.stamp)
  assert.equal((await index.findBlob(other))?.stamp, undefined)
  assert.deepEqual(
    (await index.leastRecentlyChecked(Infinity, 1)).map(({ digest }) => digest),
    [same],
  )
})
