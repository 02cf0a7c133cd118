import assert from 'node:assert/strict'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { describeManifest } from '../../../src/oci/manifest.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import { buildImage } from '../../support/images.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { unreadable } from '../../support/unreadable.ts'
import { publishedDigests, quarantinedNames } from '../../support/store-invariants.ts'

const right = [1, 2, 3].map((n) => Buffer.alloc(50_000 * n, `content ${n}`))

function flip(file: string): void {
  const bytes = readFileSync(file)
  bytes.writeUInt8(bytes.readUInt8(99) ^ 1, 99)
  writeFileSync(file, bytes)
}

test('a store without a fault is found so, with every byte looked at', async () => {
  await using kept = await KeptStore.open()
  for (const bytes of right) await kept.add(bytes)
  for (const isDeep of [false, true]) {
    const { answer, rows, progress } = await kept.verify(isDeep)
    assert.deepEqual(answer, { blobs: 3, bytes: 300_000, bad: 0 })
    assert.deepEqual(rows, [])
    assert.equal(progress.at(-1)?.done, 300_000)
    assert.ok((progress.at(-1)?.total ?? 0) >= 300_000)
  }
})

test('sizes show what is cut or gone, hashes show what changed; each leaves its place', async () => {
  await using kept = await KeptStore.open()
  const [flipped, cut, gone] = await Promise.all(right.map((bytes) => kept.add(bytes)))
  assert.ok(flipped && cut && gone)
  flip(kept.pathOf(flipped))
  truncateSync(kept.pathOf(cut), 10)
  rmSync(kept.pathOf(gone))

  const shallow = await kept.verify(false)
  assert.deepEqual(
    new Set(shallow.rows),
    new Set([
      { digest: cut, found: '10 bytes on disk, 100000 were stored', done: 'quarantined' },
      { digest: gone, found: 'its file is gone', done: 'forgotten' },
    ]),
  )
  assert.equal(shallow.answer.bad, 2)

  const deep = await kept.verify(true)
  assert.deepEqual(deep.rows, [
    { digest: flipped, found: 'its content has another digest', done: 'quarantined' },
  ])
  assert.deepEqual(publishedDigests(kept.folder.path), [])
  assert.equal(quarantinedNames(kept.folder.path).length, 2)
  assert.deepEqual(kept.damaged.toSorted(), [cut, flipped].toSorted())
  assert.deepEqual((await kept.verify(true)).answer, { blobs: 0, bytes: 0, bad: 0 })
})

test('a file that no row tells of is taken over, and is bad only if its content is', async () => {
  await using kept = await KeptStore.open()
  const { index } = kept.store
  const [good, bad] = await Promise.all(right.map((bytes) => kept.add(bytes)))
  assert.ok(good && bad)
  flip(kept.pathOf(bad))
  for (const digest of [good, bad]) await index.forgetBlob(digest)
  const { answer, rows } = await kept.verify(true)
  assert.equal(answer.bad, 1)
  assert.deepEqual(
    new Set(rows.map(({ digest, done }) => `${digest} ${done}`)),
    new Set([`${good} adopted`, `${bad} adopted`, `${bad} quarantined`]),
  )
  assert.ok((await index.findBlob(good))?.stamp)
  assert.equal(await index.findBlob(bad), undefined)
})

test('a wrong row is put right: the name is the truth', async () => {
  await using kept = await KeptStore.open()
  const digest = await kept.add(Buffer.from('content'))
  await kept.store.index.publishBlob(digest, { sizeBytes: 5, stamp: 'x', storedAt: 1 })
  assert.equal((await kept.verify(false)).answer.bad, 0)
  assert.equal((await kept.store.index.findBlob(digest))?.sizeBytes, 7)
})

test('manifests get the files they lack, and one that is damaged in the index comes back from its own', async () => {
  await using kept = await KeptStore.open()
  const { index } = kept.store
  const image = buildImage({ seed: 'verify', form: 'oci', architectures: ['amd64'] })
  const { mediaType, bytes } = image.manifests.get(image.top.digest) ?? {
    mediaType: '',
    bytes: Buffer.alloc(0),
  }
  const digest = image.top.digest as never
  const repository = { registry: 'docker.io', name: parseRepositoryName('app') as never }
  const record = {
    digest,
    bytes,
    ...describeManifest(bytes, mediaType),
    opens: 'repository',
  } as const
  await index.recordManifest(repository, record)
  await kept.verify(false)
  assert.ok(readFileSync(kept.pathOf(digest)).equals(bytes))

  const beside = new Database(kept.folder.join('index.db'))
  beside.prepare(`UPDATE manifest SET bytes = CAST('{}' AS BLOB)`).run()
  beside.close()
  const { rows } = await kept.verify(false)
  const found = 'its bytes in the index were damaged'
  assert.deepEqual(rows, [{ digest, found, done: 'adopted' }])
  const held = await index.findManifest(digest)
  assert.ok(Buffer.from(held?.bytes ?? []).equals(bytes))
})

test('it stops in the middle of a large blob, which then does not count as checked', async () => {
  await using kept = await KeptStore.open()
  const sizeBytes = 128 * 1024 * 1024
  await kept.add(Buffer.alloc(sizeBytes))
  const stop = new AbortController()
  // As a signal comes: between two turns of the event loop.
  const { answer, progress } = await kept.verify(true, stop.signal, () =>
    setImmediate(() => stop.abort()),
  )
  assert.deepEqual(answer, { blobs: 0, bytes: 0, bad: 0 })
  const hashed = progress.at(-1)?.done ?? 0
  assert.ok(hashed > 0 && hashed < sizeBytes / 2, `${hashed} bytes hashed`)
})

test('what is left of a download and cannot be resumed goes, and what can be stays', async () => {
  await using kept = await KeptStore.open()
  const { blobs } = kept.store
  const digests = [1, 2, 3, 4].map((n) => digestOf(Buffer.from(`download ${n}`)))
  const [resumable, torn, withoutNote, withoutFile] = digests as [Digest, Digest, Digest, Digest]
  for (const digest of digests) {
    const staged = await blobs.stage(digest)
    await staged.write(0, [Buffer.alloc(1000)])
    await staged.note([{ start: 0, end: 1000 }], 5000)
    await staged.park()
    await staged.close()
  }
  const pathOf = (digest: Digest) => kept.folder.join('staging', digest.replace(':', '-'))
  writeFileSync(`${pathOf(torn)}.json`, 'torn')
  rmSync(`${pathOf(withoutNote)}.json`)
  rmSync(pathOf(withoutFile))

  const { answer, rows } = await kept.verify(false)
  assert.equal(answer.bad, 0)
  assert.deepEqual(
    rows.map(({ digest, done }) => `${digest} ${done}`).toSorted(),
    [torn, withoutNote, withoutFile].map((digest) => `${digest} removed`).toSorted(),
  )
  assert.deepEqual(
    (await blobs.staged()).map(({ name }) => name),
    [resumable],
  )
  assert.deepEqual((await kept.verify(false)).rows, [])
})

test('it stops when nobody waits for it any more', async () => {
  await using kept = await KeptStore.open()
  for (const bytes of right) await kept.add(bytes)
  const { answer } = await kept.verify(true, AbortSignal.abort())
  assert.deepEqual(answer, { blobs: 0, bytes: 0, bad: 0 })
})

test('files that cannot be looked at are told, and keep nobody from looking at the others', async () => {
  await using kept = await KeptStore.open()
  const digests = await Promise.all(right.map((bytes) => kept.add(bytes)))
  const [victim, ...others] = digests.toSorted()
  assert.ok(victim)
  unreadable(kept.pathOf(victim))
  for (const isDeep of [false, true]) {
    const { answer, rows } = await kept.verify(isDeep)
    assert.deepEqual([answer.blobs, answer.bad], [others.length, 1])
    assert.equal(rows.length, 1)
    assert.deepEqual([rows[0]?.digest, rows[0]?.done], [victim, 'left'])
    assert.match(rows[0]?.found ?? '', /^cannot be read: /)
  }
  assert.ok(await kept.store.index.findBlob(victim))
})

test('a mistake while looking is the answer of the job, and breaks nothing else', async (t) => {
  await using kept = await KeptStore.open()
  for (const bytes of right) await kept.add(bytes)
  const unhandled = t.mock.fn()
  process.on('unhandledRejection', unhandled)
  t.after(() => process.off('unhandledRejection', unhandled))
  t.mock.method(kept.integrity, 'check', () => Promise.reject(new TypeError('a mistake')))
  await assert.rejects(kept.verify(true), /a mistake/)
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(unhandled.mock.callCount(), 0)
})
