import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../../src/oci/name.ts'
import type { Repository, Tag } from '../../../src/oci/name.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { openIndex } from '../../../src/store/open-index.ts'
import type { SqliteIndex } from '../../../src/store/sqlite-index.ts'
import { openStore } from '../../../src/store/store.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const TAG = parseTag('latest') as Tag
const [ONE, TWO] = ['one', 'two'].map((name) => repositoryOf(name)) as [Repository, Repository]
const BLOB = digestOf(Buffer.from('blob'))
const IMAGE = digestOf(Buffer.from('image'))
const INDEX = digestOf(Buffer.from('index'))

function repositoryOf(name: string): Repository {
  return { registry: 'docker.io', name: parseRepositoryName(name) as never }
}

function descriptor(digest: Digest, sizeBytes: number) {
  return { digest, sizeBytes, mediaType: 'x', platform: undefined }
}

function record(digest: Digest, children: Digest[], blobs: Digest[]) {
  return {
    digest,
    mediaType: 'x',
    bytes: Buffer.from('{}'),
    children: children.map((child) => descriptor(child, 2)),
    blobs: blobs.map((blob) => descriptor(blob, 9)),
    subject: undefined,
    artifactType: undefined,
  }
}

async function withIndex(body: (index: SqliteIndex) => void): Promise<void> {
  await using folder = new TempFolder('index')
  const { index, unlock } = openIndex(layoutOf(folder.path), undefined)
  try {
    body(index)
  } finally {
    index.close()
    unlock()
  }
}

const moved = { mediaType: 'x', sizeBytes: 2, checkedAt: 1 }

test('what hangs on a manifest is visible in its repository, and in no other', async () => {
  await withIndex((index) => {
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    assert.deepEqual(index.findContent(ONE, BLOB), { kind: 'blob', sizeBytes: 9 })
    assert.equal(index.findContent(TWO, BLOB), undefined)
    assert.equal(index.findContent(TWO, IMAGE), undefined)
  })
})

test('a tag moved to a manifest that is held makes all that hangs on it visible', async () => {
  await withIndex((index) => {
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    index.recordManifest(ONE, record(INDEX, [IMAGE], []))
    index.moveTag(TWO, TAG, { digest: INDEX, ...moved })
    assert.equal(index.findContent(TWO, IMAGE)?.kind, 'manifest')
    assert.deepEqual(index.findContent(TWO, BLOB), { kind: 'blob', sizeBytes: 9 })
  })
})

test('a manifest that comes to be held is linked wherever it was known to be', async () => {
  await withIndex((index) => {
    index.moveTag(TWO, TAG, { digest: IMAGE, ...moved })
    assert.equal(index.findContent(TWO, BLOB), undefined)
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    assert.deepEqual(index.findContent(TWO, BLOB), { kind: 'blob', sizeBytes: 9 })
  })
})

test('a tag remembers the last digest that was whole, until the new one is the same', async () => {
  await withIndex((index) => {
    const [next, third] = ['next', 'third'].map((text) => digestOf(Buffer.from(text))) as Digest[]
    assert.ok(next && third)
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    index.moveTag(ONE, TAG, { digest: IMAGE, ...moved })
    assert.deepEqual(index.wholePlatforms(IMAGE), [])
    index.publishBlob(BLOB, 9, 1)
    assert.deepEqual(index.wholePlatforms(IMAGE), [''])
    index.moveTag(ONE, TAG, { digest: next, ...moved })
    assert.equal(index.findTag(ONE, TAG)?.completeDigest, IMAGE)
    index.moveTag(ONE, TAG, { digest: third, ...moved })
    assert.equal(index.findTag(ONE, TAG)?.completeDigest, IMAGE)
    index.moveTag(ONE, TAG, { digest: IMAGE, ...moved })
    assert.equal(index.findTag(ONE, TAG)?.completeDigest, undefined)
    index.forgetBlob(BLOB)
    assert.deepEqual(index.wholePlatforms(IMAGE), [])
  })
})

test('an index opened again holds what it held', async () => {
  await using folder = new TempFolder('index')
  for (const known of [false, true]) {
    const { index, unlock } = openIndex(layoutOf(folder.path), undefined)
    assert.equal(index.findTag(ONE, TAG)?.digest, known ? IMAGE : undefined)
    index.moveTag(ONE, TAG, { digest: IMAGE, ...moved })
    index.close()
    unlock()
  }
})

test('an index of a newer regmirror is refused with a sentence that says what to do', async () => {
  await using folder = new TempFolder('index')
  const store = await openStore(folder.path, 1)
  await store.close()
  const database = new Database(layoutOf(folder.path).index)
  database.pragma('user_version = 9999')
  database.close()
  await assert.rejects(openStore(folder.path, 1), {
    name: 'StoreError',
    kind: 'newer',
    message: /newer regmirror.*9999.*--data$/,
  })
})

test('a folder in use is refused with a sentence, and free again after', async () => {
  await using folder = new TempFolder('index')
  const store = await openStore(folder.path, 1)
  await assert.rejects(openStore(folder.path, 1), {
    name: 'StoreError',
    kind: 'locked',
    message: /is in use by another regmirror.*--data$/,
  })
  await store.close()
  await (await openStore(folder.path, 1)).close()
})

test('an index that is no database is refused with a sentence, and the lock is given up', async () => {
  await using folder = new TempFolder('index')
  const { index } = layoutOf(folder.path)
  writeFileSync(index, 'this is no database, and long enough to be looked at'.repeat(100))
  for (const _ of [1, 2]) {
    await assert.rejects(openStore(folder.path, 1), {
      kind: 'corrupt-index',
      message: /is damaged.*move it away/,
    })
  }
})

test('a folder that cannot be made is refused', async () => {
  await using folder = new TempFolder('index')
  writeFileSync(folder.join('file'), '')
  await assert.rejects(openStore(folder.join('file', 'data'), 1), { name: 'StoreError' })
})
