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
import type { BlobStore } from '../../../src/store/blob-store.ts'
import { extentsPath, layoutOf, stagingPath } from '../../../src/store/layout.ts'
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

async function hold(store: Store, folder: string, name: string, repository = APP): Promise<Digest> {
  const layer = await publish(store, folder, `layer of ${name}`)
  const bytes = Buffer.from(name)
  const digest = digestOf(bytes)
  const blobs = [{ digest: layer, sizeBytes: 9, mediaType: 'x', platform: undefined }]
  const described = { children: [], blobs, subject: undefined, artifactType: undefined }
  const opens = 'repository' as const
  await store.index.recordManifest(repository, {
    digest,
    mediaType: 'x',
    bytes,
    ...described,
    opens,
  })
  const to = { digest, mediaType: 'x', sizeBytes: 9, checkedAt: 1, opens }
  await store.index.moveTag(repository, tagOf('latest'), to)
  return layer
}

const sweeping = { leaveGoneLists: () => Promise.resolve(), now: () => NOW }

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
  const layout = layoutOf(folder.path)
  const [parked, broken] = ['parked', 'broken'].map((name) => digestOf(Buffer.from(name)))
  assert.ok(parked && broken)
  const staged = await store.blobs.stage(parked)
  await staged.write(0, [Buffer.from('some of it')])
  await staged.note([{ start: 0, end: 10 }], 100)
  await staged.park()
  await staged.close()
  for (const file of [stagingPath(layout, parked), extentsPath(layout, parked)]) {
    utimesSync(file, 1, 1)
  }
  // Of today, and without its bytes.
  writeFileSync(extentsPath(layout, broken), '{}')
  utimesSync(extentsPath(layout, broken), NOW / 1000, NOW / 1000)
  const loose = await publish(store, folder.path, 'loose')
  const old = await hold(store, folder.path, 'old')
  const current = await hold(store, folder.path, 'current')
  // Neither is fallen back on: the tag has moved to another, and that one is whole.
  const newest = await hold(store, folder.path, 'newest')
  const room = new StoreRoom({
    index: store.index,
    reader: store.reader,
    store: store.blobs,
    space: { maxBytes: undefined, minFreeBytes: 0, keepUntaggedMs: DAY_MS },
    events: silent,
    flushUses: () => Promise.resolve(),
    now: () => NOW,
  })
  try {
    await room.check()
    const { reader } = store
    const job = gcJob({ ...sweeping, room, reader, keepUntaggedMs: DAY_MS })
    const plan = await gc(job, true)
    assert.deepEqual(
      plan.rows.map(({ kind }) => kind),
      ['download', 'download', 'image', 'image', 'blob'],
    )
    assert.deepEqual([plan.answer.downloads, plan.answer.images, plan.answer.blobs], [2, 2, 1])
    const published = publishedDigests(folder.path)
    assert.ok([old, current].every((digest) => published.includes(digest)))
    const { answer } = await gc(job, false)
    assert.deepEqual([answer.downloads, answer.images, answer.blobs], [2, 2, 1])
    assert.deepEqual(publishedDigests(folder.path), [newest])
    assert.equal(await store.index.findBlob(loose), undefined)
    assert.deepEqual(stagedNames(folder.path), [])
  } finally {
    await room.close()
    await store.close()
  }
})

const MIB = 2 ** 20
const HOUR_MS = 3_600_000

// On a disk of which so much is free, without a limit of the store's own unless one is given.
function limited(
  store: Store,
  limits: { readonly maxBytes?: number; readonly minFreeBytes: number; readonly freeBytes: number },
): { readonly room: StoreRoom; readonly job: Jobs['gc'] } {
  const { minFreeBytes, maxBytes } = limits
  const { index, reader } = store
  let freeBytes = limits.freeBytes
  const blobs: BlobStore = {
    ...store.blobs,
    disk: () => Promise.resolve({ freeBytes, totalBytes: 1000 * MIB }),
    remove: async (digest) => {
      freeBytes += 4096
      await store.blobs.remove(digest)
    },
  }
  const room = new StoreRoom({
    ...{ index, reader, store: blobs, events: silent, now: () => NOW },
    space: { maxBytes, minFreeBytes, keepUntaggedMs: undefined },
    flushUses: () => Promise.resolve(),
  })
  const job = gcJob({ ...sweeping, room, reader, keepUntaggedMs: undefined })
  return { room, job }
}

for (const [limit, going] of [
  ['--min-free', ['old']],
  ['--max-size', ['old', 'new']],
] as const) {
  test(`gc and its plan agree on what goes for want of ${limit}, and on what stays`, async () => {
    await using folder = new TempFolder('gc')
    const store = await openStore(folder.path, 1)
    const names = ['old', 'new', 'pinned']
    for (const name of names) {
      const repository = repositoryOf(name)
      await hold(store, folder.path, name, repository)
      const usedAt = name === 'new' ? NOW - 60_000 : NOW - HOUR_MS
      await store.index.recordUses([[digestOf(Buffer.from(name)), usedAt]])
    }
    await store.index.pin(repositoryOf('pinned'), { tag: tagOf('latest') }, 'list', 1)
    const { room, job } = limited(
      store,
      limit === '--min-free'
        ? { minFreeBytes: 20 * MIB, freeBytes: 10 * MIB }
        : { maxBytes: MIB, minFreeBytes: 0, freeBytes: 10 * MIB },
    )
    try {
      const plan = await gc(job, true)
      assert.deepEqual(
        plan.rows.map(({ name }) => name),
        going.map((name) => `docker.io/${name}:latest`),
      )
      assert.ok(plan.answer.stillTooMuchBytes > MIB / 2)
      const done = await gc(job, false)
      assert.deepEqual(done.answer.images, plan.answer.images)
      assert.ok(done.answer.stillTooMuchBytes > MIB / 2)
      const left = names.filter((name) => !(going as readonly string[]).includes(name))
      assert.deepEqual(
        publishedDigests(folder.path),
        left.map((name) => digestOf(Buffer.from(`layer of ${name}`))).toSorted(),
      )
    } finally {
      await room.close()
      await store.close()
    }
  })
}

test('what its list has not meant for long enough goes, in a plan as in a run, and is no longer counted', async () => {
  await using folder = new TempFolder('gc')
  const store = await openStore(folder.path, 1)
  const { index } = store
  const run = { releasesOthers: true, still: [], unsure: [] }
  const names = ['over', 'kept']
  const pins = names.map((name) => ({
    ...{ repository: repositoryOf(name), reference: { tag: tagOf('latest') } },
    keepMs: name === 'over' ? HOUR_MS : 2 * DAY_MS,
  }))
  const pinned = async (): Promise<void> => {
    await index.keepPins('list /etc/mirror.txt', { ...run, held: pins, at: NOW - DAY_MS })
    await index.keepPins('list /etc/mirror.txt', { ...run, held: [], at: NOW - DAY_MS })
  }
  for (const name of names) {
    await hold(store, folder.path, name, repositoryOf(name))
    await index.recordUses([[digestOf(Buffer.from(name)), NOW - HOUR_MS]])
  }
  const { room, job } = limited(store, { maxBytes: MIB, minFreeBytes: 0, freeBytes: 10 * MIB })
  try {
    await pinned()
    const both = await store.reader.pinnedBytes()
    await room.report()
    assert.equal(
      await store.reader.pinnedBytes(),
      both / 2,
      'room is made as if it were not pinned',
    )
    await pinned()
    const plan = await gc(job, true)
    assert.deepEqual(
      plan.rows.map(({ name }) => name),
      ['docker.io/over:latest'],
    )
    await pinned()
    assert.equal((await gc(job, false)).answer.images, 1)
  } finally {
    await room.close()
    await store.close()
  }
})
