import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../../src/oci/name.ts'
import type { Repository, Tag } from '../../../src/oci/name.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { openIndex } from '../../../src/store/open-index.ts'
import { MIGRATIONS } from '../../../src/store/migrations.ts'
import type { SqliteIndex } from '../../../src/store/sqlite-index.ts'
import { openStore } from '../../../src/store/store.ts'
import { quarantinedNames } from '../../support/store-invariants.ts'
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
    opens: 'repository' as const,
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

const moved = { mediaType: 'x', sizeBytes: 2, checkedAt: 1, opens: 'repository' as const }
const named = { kind: 'blob', sizeBytes: 9, isClaim: true }

test('what hangs on a manifest is visible in its repository, and in no other', async () => {
  await withIndex((index) => {
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    assert.deepEqual(index.findContent(ONE, BLOB), named)
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
    assert.deepEqual(index.findContent(TWO, BLOB), named)
  })
})

test('a manifest that comes to be held is linked wherever it was known to be', async () => {
  await withIndex((index) => {
    index.moveTag(TWO, TAG, { digest: IMAGE, ...moved })
    assert.equal(index.findContent(TWO, BLOB), undefined)
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    assert.deepEqual(index.findContent(TWO, BLOB), named)
  })
})

test('a tag remembers the last digest that was whole, until the new one is the same', async () => {
  await withIndex((index) => {
    const [next, third] = ['next', 'third'].map((text) => digestOf(Buffer.from(text))) as Digest[]
    assert.ok(next && third)
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    index.moveTag(ONE, TAG, { digest: IMAGE, ...moved })
    assert.deepEqual(index.wholePlatforms(IMAGE), [])
    index.publishBlob(BLOB, { sizeBytes: 9, stamp: '1', storedAt: 1 })
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

test('a tag that is moved gives its row as it is then', async () => {
  await withIndex((index) => {
    const next = digestOf(Buffer.from('next'))
    index.recordManifest(ONE, record(IMAGE, [], []))
    for (const digest of [IMAGE, next, next, IMAGE]) {
      const row = index.moveTag(ONE, TAG, { digest, ...moved })
      assert.deepEqual(row, index.findTag(ONE, TAG))
      assert.equal(row.completeDigest, digest === next ? IMAGE : undefined)
    }
  })
})

test('what a descriptor names is a claim until upstream has given it out there', async () => {
  await withIndex((index) => {
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    assert.equal(index.isOpen(IMAGE), true)
    assert.equal(index.isOpen(BLOB), false, 'only named')
    index.recordContent(ONE, BLOB, {
      kind: 'blob',
      sizeBytes: undefined,
      opens: 'repository' as const,
    })
    assert.deepEqual(index.findContent(ONE, BLOB), { ...named, isClaim: false })
    assert.equal(index.isOpen(BLOB), true)
    index.recordManifest(ONE, record(INDEX, [IMAGE], [BLOB]))
    assert.equal(index.findContent(ONE, BLOB)?.isClaim, false, 'named once more')
  })
})

test('what was only seen with a login is not open, and the anonymous open a repository', async () => {
  await withIndex((index) => {
    index.recordManifest(ONE, { ...record(IMAGE, [], []), opens: 'login-only' })
    assert.equal(index.isOpen(IMAGE), false)
    assert.deepEqual(index.findVisibility(ONE), { isPublic: false, checkedAt: 0 })
    index.recordVisibility(ONE, { isPublic: false, checkedAt: 5 })
    assert.deepEqual(index.findVisibility(ONE), { isPublic: false, checkedAt: 5 })
    index.moveTag(ONE, TAG, { digest: IMAGE, ...moved })
    assert.equal(index.findVisibility(ONE)?.isPublic, true)
    assert.equal(index.isOpen(IMAGE), true)
    index.recordVisibility(ONE, { isPublic: false, checkedAt: 6 })
    assert.equal(index.isOpen(IMAGE), false, 'public no more')
  })
})

test('the anonymous open what they are given, unless it is of what is known to be private', async () => {
  await withIndex((index) => {
    const seen = { kind: 'blob', sizeBytes: 5, opens: 'content' } as const
    index.recordContent(ONE, BLOB, seen)
    assert.equal(index.findVisibility(ONE), undefined, 'a blob says nothing of its repository')
    assert.equal(index.isOpen(BLOB), true)
    assert.deepEqual(index.seenIn(BLOB), [ONE])
    index.recordTagList(TWO, { tags: [], fetchedAt: 1, opens: 'nothing' })
    index.recordContent(TWO, IMAGE, { ...seen, opens: 'nothing' })
    assert.equal(index.findVisibility(TWO), undefined)
    assert.equal(index.isOpen(IMAGE), false)
    index.recordContent(ONE, IMAGE, { ...seen, opens: 'login-only' })
    assert.deepEqual(index.findVisibility(ONE), { isPublic: false, checkedAt: 0 })
    assert.equal(index.isOpen(BLOB), false)
  })
})

test('what nobody could check yet is public until it is looked at, and not what is private', async () => {
  await withIndex((index) => {
    const opens = 'repository-until-checked' as const
    index.moveTag(ONE, TAG, { digest: IMAGE, ...moved, opens })
    assert.deepEqual(index.findVisibility(ONE), { isPublic: true, checkedAt: 0 })
    index.recordVisibility(ONE, { isPublic: false, checkedAt: 5 })
    index.moveTag(ONE, TAG, { digest: IMAGE, ...moved, opens })
    assert.deepEqual(index.findVisibility(ONE), { isPublic: false, checkedAt: 5 })
    assert.equal(index.isOpen(IMAGE), false)
  })
})

test('a size that is told later does not replace a descriptor’s', async () => {
  await withIndex((index) => {
    index.recordManifest(ONE, record(IMAGE, [], [BLOB]))
    index.recordContent(ONE, BLOB, { kind: 'blob', sizeBytes: 5, opens: 'content' })
    assert.equal(index.findContent(ONE, BLOB)?.sizeBytes, 9)
  })
})

test('what was served as open is not once the repository that opened it is private', async () => {
  await using folder = new TempFolder('index')
  const store = await openStore(folder.path, 1)
  const { index } = store
  for (const opens of ['repository', 'content'] as const) {
    const repository = repositoryOf(opens)
    await index.recordContent(repository, BLOB, { kind: 'blob', sizeBytes: undefined, opens })
    assert.equal(await index.isOpen(BLOB), true)
    // The first is looked at; of the second something comes by a login only.
    const isLookedAt = opens === 'repository'
    if (isLookedAt) await index.recordVisibility(repository, { isPublic: false, checkedAt: 5 })
    else await index.recordTagList(repository, { tags: [], fetchedAt: 1, opens: 'login-only' })
    assert.equal(await index.isOpen(BLOB), false, opens)
  }
  await store.close()
})

test('lists are kept as they were heard', async () => {
  await withIndex((index) => {
    const seen = { fetchedAt: 7, opens: 'repository' as const }
    index.recordTagList(ONE, { tags: ['a', 'b'], ...seen })
    index.recordTagList(ONE, { tags: ['b'], ...seen })
    assert.deepEqual(index.findTagList(ONE), { tags: ['b'], fetchedAt: 7 })
    assert.equal(index.findTagList(TWO), undefined)
    index.recordReferrers(ONE, IMAGE, { descriptors: '[]', ...seen })
    assert.deepEqual(index.findReferrers(ONE, IMAGE), { descriptors: '[]', fetchedAt: 7 })
    index.moveTag(ONE, parseTag('b') as Tag, { digest: IMAGE, ...moved })
    index.moveTag(ONE, parseTag('B') as Tag, { digest: IMAGE, ...moved })
    assert.deepEqual(index.knownTags(ONE), ['B', 'b'])
  })
})

test('known referrers are those that were seen in the repository', async () => {
  await withIndex((index) => {
    const signature = { ...record(INDEX, [], []), bytes: Buffer.from('index'), subject: IMAGE }
    index.recordManifest(ONE, signature)
    assert.deepEqual(
      index.knownReferrers(ONE, IMAGE).map(({ digest }) => digest),
      [INDEX],
    )
    assert.deepEqual(index.knownReferrers(TWO, IMAGE), [])
    assert.deepEqual(index.heldRepositories('docker.io', '', 9), [{ ...ONE, isPublic: true }])
  })
})

test('what an index of the first version holds is open, and what it only names is a claim', async () => {
  await using folder = new TempFolder('index')
  const layout = layoutOf(folder.path)
  const [first] = MIGRATIONS
  const database = new Database(layout.index)
  database.exec(`${first}
    PRAGMA user_version = 1;
    INSERT INTO repository VALUES (1, 'docker.io', 'one');
    INSERT INTO manifest VALUES ('${IMAGE}', 'x', x'7b7d', NULL, NULL, 1, NULL);
    INSERT INTO content VALUES (1, '${IMAGE}', 'manifest', 2), (1, '${BLOB}', 'blob', 9);`)
  database.close()
  const { index, unlock } = openIndex(layout, undefined)
  assert.equal(index.isOpen(IMAGE), true)
  assert.equal(index.findContent(ONE, BLOB)?.isClaim, true)
  assert.deepEqual(index.findVisibility(ONE), { isPublic: true, checkedAt: 0 })
  index.close()
  unlock()
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
  database.pragma('user_version = 99')
  database.close()
  await assert.rejects(openStore(folder.path, 1), {
    name: 'StoreError',
    kind: 'newer',
    message: /newer regmirror.*99.*--data$/,
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

test('an index that is no database is kept in quarantine, and a new one begun', async () => {
  await using folder = new TempFolder('index')
  const { index } = layoutOf(folder.path)
  const text = 'this is no database, and long enough to be looked at'.repeat(100)
  writeFileSync(index, text)
  for (const _ of [1, 2]) {
    const store = await openStore(folder.path, 1)
    assert.equal((await store.index.pendingCheck())?.kind, 'rebuild', 'until somebody has done it')
    const [kept = '', ...others] = quarantinedNames(folder.path)
    assert.deepEqual(others, [])
    assert.equal(readFileSync(folder.join('quarantine', kept), 'utf8'), text)
    await store.close()
  }
})

test('a folder that cannot be made is refused', async () => {
  await using folder = new TempFolder('index')
  writeFileSync(folder.join('file'), '')
  await assert.rejects(openStore(folder.join('file', 'data'), 1), { name: 'StoreError' })
})
