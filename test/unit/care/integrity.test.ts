import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { Integrity } from '../../../src/care/integrity.ts'
import { StoreError } from '../../../src/errors.ts'
import { logMirrorEvents } from '../../../src/mirror/events.ts'
import { StoredBlobs } from '../../../src/mirror/stored-blobs.ts'
import type { BlobStore } from '../../../src/store/blob-store.ts'
import type { Hasher } from '../../../src/store/hasher.ts'
import type { Index } from '../../../src/store/index-port.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { ScriptedRoom } from '../../support/scripted-room.ts'

const content = Buffer.from('content')

interface Changes {
  readonly store?: Partial<BlobStore>
  readonly index?: Partial<Index>
  readonly hasher?: Partial<Hasher>
}

async function setting(t: TestContext, changes: (kept: KeptStore) => Changes = () => ({})) {
  const kept = await KeptStore.open()
  t.after(() => kept[Symbol.asyncDispose]())
  const changed = changes(kept)
  const index = { ...kept.store.index, ...changed.index }
  const store = { ...kept.store.blobs, ...changed.store }
  const hasher = { ...kept.store.hasher, ...changed.hasher }
  const damaged: string[] = []
  const room = new ScriptedRoom()
  const integrity = new Integrity({
    ...{ index, store, hasher, room, now: Date.now },
    damaged: (digest) => damaged.push(digest),
  })
  return { kept, integrity, damaged, index, store, room }
}

// Every hash of it fails as said.
function failing(kept: KeptStore, error: () => StoreError): Changes {
  const { hasher } = kept.store
  const begin: Hasher['begin'] = (...file) => {
    const fail = (): Promise<never> => Promise.reject(error())
    return { ...hasher.begin(...file), reach: fail, finish: fail }
  }
  return { hasher: { begin } }
}

test('content that cannot be hashed now stays where it is', async (t) => {
  const why = new StoreError('io', 'cannot hash a file: EMFILE: too many open files')
  const { kept, integrity, damaged } = await setting(t, (kept) => failing(kept, () => why))
  const digest = await kept.add(content)
  await assert.rejects(integrity.check(digest), why)
  await assert.rejects(integrity.rightStamp(digest), why)
  assert.deepEqual(damaged, [])
  assert.ok(await kept.store.index.findBlob(digest))
  assert.ok(await kept.store.blobs.find(digest))
})

test('content that the disk cannot read any more leaves its place', async (t) => {
  const why = new StoreError('damaged-file', 'cannot hash a file: EIO: i/o error')
  const { kept, integrity, damaged } = await setting(t, (kept) => failing(kept, () => why))
  const digest = await kept.add(content)
  assert.deepEqual(await integrity.check(digest), { is: 'bad', found: 'it cannot be read' })
  assert.deepEqual(damaged, [digest])
  assert.equal(await kept.store.blobs.find(digest), undefined)
})

test('a stop while content is hashed condemns nothing, and waits for the check', async (t) => {
  const begun = Promise.withResolvers<void>()
  const going = Promise.withResolvers<void>()
  const { kept, integrity, damaged } = await setting(t, (kept) => ({
    hasher: {
      begin: (...file) => {
        const hash = kept.store.hasher.begin(...file)
        const reach = async (frontier: number): Promise<void> => {
          begun.resolve()
          await going.promise
          await hash.reach(frontier)
        }
        return { ...hash, reach }
      },
    },
  }))
  const digest = await kept.add(content)
  writeFileSync(kept.pathOf(digest), 'changed')
  const check = integrity.check(digest)
  check.catch(() => undefined)
  await begun.promise
  let isClosed = false
  const closing = integrity.close().then(() => (isClosed = true))
  assert.equal(isClosed, false)
  going.resolve()
  await closing
  await assert.rejects(check, /is being closed/)
  assert.deepEqual(damaged, [])
  assert.ok(await kept.store.blobs.find(digest))
})

test('what has taken the place of a bad file stays, with its row', async (t) => {
  const { kept, integrity, damaged } = await setting(t)
  const digest = await kept.add(content)
  const old = (await kept.store.blobs.find(digest))?.stamp ?? ''
  await kept.add(content)
  await integrity.condemn(digest, 'EIO', old)
  assert.deepEqual(damaged, [])
  const row = await kept.store.index.findBlob(digest)
  assert.equal(row?.stamp, (await kept.store.blobs.find(digest))?.stamp)
})

test('a download that publishes while a missing file is forgotten keeps a row', async (t) => {
  let isPublishing = true
  const { kept, integrity } = await setting(t, (kept) => ({
    index: {
      forgetBlob: async (digest) => {
        if (isPublishing) await kept.add(content)
        isPublishing = false
        await kept.store.index.forgetBlob(digest)
      },
    },
  }))
  const digest = await kept.add(content)
  await kept.store.blobs.remove(digest)
  await integrity.forgetGone(digest)
  assert.ok(await kept.store.blobs.find(digest))
  assert.equal((await kept.store.index.findBlob(digest))?.sizeBytes, content.length)
})

for (const how of ['check', 'adopt'] as const) {
  test(`what is evicted during ${how} has no row afterwards`, async (t) => {
    let looks = 0
    const { kept, integrity, index } = await setting(t, (kept) => ({
      store: {
        find: async (digest) => {
          const found = await kept.store.blobs.find(digest)
          looks += 1
          if (looks > 1) return found
          await kept.store.blobs.remove(digest)
          await kept.store.index.forgetBlob(digest)
          return found
        },
      },
    }))
    const digest = await kept.add(content)
    if (how === 'adopt') await kept.store.index.forgetBlob(digest)
    const answer = await integrity[how](digest)
    assert.equal(typeof answer === 'string' ? answer : answer.is, 'gone')
    assert.equal(await index.findBlob(digest), undefined)
  })
}

test('a check goes on without the pull that began it, and the next pull has what it found', async (t) => {
  const going = Promise.withResolvers<void>()
  let begun = 0
  const { kept, integrity, index, store, room } = await setting(t, (kept) => ({
    hasher: {
      begin: (...file) => {
        begun += 1
        const hash = kept.store.hasher.begin(...file)
        const reach = (frontier: number) => going.promise.then(() => hash.reach(frontier))
        return { ...hash, reach }
      },
    },
  }))
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const stored = new StoredBlobs({ index, store, room, integrity, events: logMirrorEvents(log) })
  const digest = await kept.add(content)
  await index.publishBlob(digest, { sizeBytes: content.length, stamp: undefined, storedAt: 1 })
  const first = stored.hold(digest)
  const second = stored.hold(digest)
  going.resolve()
  for (const held of [await first, await second, await stored.hold(digest)]) {
    assert.ok(held)
    held.release()
    await held.blob.close()
  }
  assert.equal(begun, 1)
  assert.ok((await index.findBlob(digest))?.stamp)
})
