import assert from 'node:assert/strict'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { CareEvents } from '../../../src/care/events.ts'
import type { Jobs, VictimRow } from '../../../src/care/jobs.ts'
import { StoreRoom } from '../../../src/care/room.ts'
import { gcJob } from '../../../src/care/sweep.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { layoutOf, stagingPath } from '../../../src/store/layout.ts'
import { openStore } from '../../../src/store/store.ts'
import type { Store } from '../../../src/store/store.ts'
import { repositoryOf, tagOf } from '../../support/held-images.ts'
import { publishedDigests, publishedPath, stagedNames } from '../../support/store-invariants.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const APP = repositoryOf('app')
const DAY_MS = 86_400_000
const NOW = Date.now() + 30 * DAY_MS

const silent = { evicted: () => undefined, roomFailed: () => undefined } as unknown as CareEvents

async function publish(store: Store, folder: string, name: string): Promise<Digest> {
  const bytes = Buffer.from(name)
  const digest = digestOf(bytes)
  const file = publishedPath(folder, digest)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, bytes)
  await store.index.publishBlob(digest, { sizeBytes: bytes.length, stamp: '1', storedAt: 1 })
  return digest
}

async function hold(store: Store, folder: string, name: string): Promise<Digest> {
  const layer = await publish(store, folder, `layer of ${name}`)
  const bytes = Buffer.from(name)
  const digest = digestOf(bytes)
  const blobs = [{ digest: layer, sizeBytes: 9, mediaType: 'x', platform: undefined }]
  const described = { children: [], blobs, subject: undefined, artifactType: undefined }
  const opens = 'repository' as const
  await store.index.recordManifest(APP, { digest, mediaType: 'x', bytes, ...described, opens })
  const to = { digest, mediaType: 'x', sizeBytes: 9, checkedAt: 1, opens }
  await store.index.moveTag(APP, tagOf('latest'), to)
  return layer
}

async function gc(job: Jobs['gc'], isPlan: boolean) {
  const rows: VictimRow[] = []
  const signal = new AbortController().signal
  const talk = {
    signal,
    progress: () => undefined,
    rows: async (batch: readonly VictimRow[]) => void rows.push(...batch),
  }
  return { answer: await job({ isPlan }, talk), rows }
}

test('gc removes what its plan names: old downloads, images without a tag, loose blobs', async () => {
  await using folder = new TempFolder('gc')
  const store = await openStore(folder.path, 1)
  const parked = digestOf(Buffer.from('parked'))
  const file = stagingPath(layoutOf(folder.path), parked)
  writeFileSync(file, 'some of it')
  utimesSync(file, 1, 1)
  const loose = await publish(store, folder.path, 'loose')
  const old = await hold(store, folder.path, 'old')
  const current = await hold(store, folder.path, 'current')
  // The tag moves once more, so that it no longer falls back on the first.
  const newest = await hold(store, folder.path, 'newest')
  const room = new StoreRoom({
    index: store.index,
    store: store.blobs,
    space: { maxBytes: undefined, minFreeBytes: 0, keepUntaggedMs: DAY_MS },
    events: silent,
    flushUses: () => Promise.resolve(),
    now: () => NOW,
  })
  try {
    await room.check()
    const { reader } = store
    const job = gcJob({ room, reader, keepUntaggedMs: DAY_MS, now: () => NOW })
    const plan = await gc(job, true)
    assert.deepEqual(
      plan.rows.map(({ kind }) => kind),
      ['download', 'image', 'blob'],
    )
    assert.deepEqual([plan.answer.downloads, plan.answer.images, plan.answer.blobs], [1, 1, 1])
    assert.ok(publishedDigests(folder.path).includes(old))
    const { answer } = await gc(job, false)
    assert.deepEqual([answer.downloads, answer.images, answer.blobs], [1, 1, 1])
    assert.deepEqual(publishedDigests(folder.path), [current, newest].toSorted())
    assert.equal(await store.index.findBlob(loose), undefined)
    assert.deepEqual(stagedNames(folder.path), [])
  } finally {
    await room.close()
    await store.close()
  }
})
