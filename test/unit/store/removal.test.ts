import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Removed } from '../../../src/store/index-port.ts'
import { EVER, HeldImages, named, repositoryOf, tagOf } from '../../support/held-images.ts'

const [APP, WEB] = [repositoryOf('app'), repositoryOf('web')]
const HOUR = 3_600_000

function blobsOf(removed: Removed | undefined): string[] {
  return (removed?.blobs ?? []).map(({ digest }) => digest).toSorted()
}

function digests(...names: string[]): string[] {
  return names.map(named).toSorted()
}

test('the image not used for longest goes, and a layer that another needs stays', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'new', { blobs: ['base', 'new layer'] }, 2000)
  held.hold(WEB, 'old', { blobs: ['base', 'old layer'] }, 1000)
  const removed = held.evictImage()
  assert.deepEqual(removed?.manifests, [named('old')])
  assert.deepEqual(blobsOf(removed), digests('old layer'))
  assert.deepEqual(held.left('new', 'base', 'new layer'), ['new', 'base', 'new layer'])
  assert.deepEqual(blobsOf(held.evictImage()), digests('base', 'new layer'))
  assert.equal(held.evictImage(), undefined)
})

test('nothing of an evicted image is known any more: tags, contents, its repository', async () => {
  await using held = new HeldImages()
  const image = held.hold(APP, 'image', { blobs: ['layer', 'never pulled'] }, 1000)
  held.index.forgetBlob(named('never pulled'))
  held.tag(APP, 'latest', 'image')
  held.index.recordTagList(APP, { tags: ['latest'], fetchedAt: 1, opens: 'repository' })
  const removed = held.evictImage()
  assert.deepEqual(removed?.tags, [{ ...APP, tag: 'latest' }])
  assert.deepEqual(removed.repositories, [APP])
  assert.equal(removed.contents.length, 3)
  assert.equal(held.index.findTag(APP, tagOf('latest')), undefined)
  assert.equal(held.index.findContent(APP, image), undefined)
  assert.equal(held.index.findContent(APP, named('never pulled')), undefined)
  assert.equal(held.index.findVisibility(APP), undefined)
  assert.equal(held.index.findTagList(APP), undefined)
})

test('an index goes with its platforms', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'amd64', { blobs: ['amd64 layer', 'both'] }, 1010)
  held.hold(APP, 'arm64', { blobs: ['arm64 layer', 'both'] }, 900)
  held.hold(APP, 'index', { children: ['amd64', 'arm64'] }, 1000)
  const removed = held.evictImage()
  assert.deepEqual([...(removed?.manifests ?? [])].toSorted(), digests('index', 'amd64', 'arm64'))
  assert.deepEqual(blobsOf(removed), digests('amd64 layer', 'arm64 layer', 'both'))
})

test('a platform that was pulled by its digest long after its index stays', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'amd64', { blobs: ['amd64 layer'] }, 1000 + 5 * HOUR)
  held.hold(APP, 'arm64', { blobs: ['arm64 layer'] }, 1000)
  held.hold(APP, 'index', { children: ['amd64', 'arm64'] }, 1000)
  const removed = held.evictImage()
  assert.deepEqual(blobsOf(removed), digests('arm64 layer'))
  assert.deepEqual(held.left('index', 'amd64', 'arm64'), ['amd64'])
})

test('a platform that another index lists, or a tag points to, stays', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'one', { blobs: ['1'] }, 1000)
  held.hold(APP, 'two', { blobs: ['2'] }, 1000)
  held.hold(APP, 'three', { blobs: ['3'] }, 1000)
  held.hold(APP, 'old index', { children: ['one', 'two', 'three'] }, 1000)
  held.hold(APP, 'new index', { children: ['two'] }, 2000)
  held.tag(WEB, 'three', 'three')
  assert.deepEqual(blobsOf(held.evictImage()), digests('1'))
  assert.deepEqual(held.left('two', 'three', '2', '3'), ['two', 'three', '2', '3'])
})

test('what is pinned stays, by tag and by digest, with all below it', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'amd64', { blobs: ['amd64 layer'] }, 100)
  held.hold(APP, 'index', { children: ['amd64'] }, 100)
  held.tag(APP, 'kept', 'index')
  held.index.pin(APP, { tag: tagOf('kept') }, 'list.txt', 1)
  held.hold(WEB, 'child', { blobs: ['child layer'] }, 100)
  held.hold(WEB, 'other child', { blobs: ['other layer'] }, 100)
  held.hold(WEB, 'parent', { children: ['child', 'other child'] }, 100)
  held.index.pin(WEB, { digest: named('child') }, 'list.txt', 1)
  assert.deepEqual(blobsOf(held.evictImage()), digests('other layer'))
  assert.equal(held.evictImage(), undefined)
  assert.deepEqual(held.left('index', 'amd64', 'child', 'parent'), ['index', 'amd64', 'child'])
  assert.equal(held.pinnedBytes(), 2 * 8192)
  held.index.unpin(WEB, { digest: named('child') }, 'list.txt')
  assert.deepEqual(blobsOf(held.evictImage()), digests('child layer'))
})

test('what a pinned tag falls back on stays too', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'first', { blobs: ['first layer'] }, 1000)
  held.tag(APP, 'kept', 'first')
  held.index.pin(APP, { tag: tagOf('kept') }, 'list.txt', 1)
  held.hold(APP, 'second', { blobs: ['second layer'] }, 2000)
  held.tag(APP, 'kept', 'second')
  assert.equal(held.index.findTag(APP, tagOf('kept'))?.completeDigest, named('first'))
  assert.equal(held.evictImage(), undefined)
})

test('what a tag falls back on counts as used whenever the tag was, until the newer is whole', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'first', { blobs: ['first layer'] }, 1000)
  held.tag(APP, 'latest', 'first', 1000)
  held.hold(APP, 'second', { blobs: ['second layer'] }, 4000)
  held.index.forgetBlob(named('second layer'))
  held.tag(APP, 'latest', 'second', 4000)
  held.hold(WEB, 'other', { blobs: ['other layer'] }, 2000)
  assert.deepEqual(blobsOf(held.evictImage()), digests('other layer'))
  held.hold(WEB, 'newest', { blobs: ['newest layer'] }, 5000)
  // Equally long unused now, and the older of the two.
  assert.deepEqual(held.evictImage()?.manifests, [named('second')])
  assert.equal(held.index.findTag(APP, tagOf('latest'))?.completeDigest, named('first'))
  assert.deepEqual(blobsOf(held.evictImage()), digests('first layer'))
  assert.equal(held.index.findTag(APP, tagOf('latest')), undefined)
})

test('the fallback of a tag whose newer digest is whole goes by its own last use', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'first', { blobs: ['first layer'] }, 1000)
  held.tag(APP, 'latest', 'first', 1000)
  held.hold(APP, 'second', { blobs: ['second layer'] }, 4000)
  held.tag(APP, 'latest', 'second', 4000)
  assert.deepEqual(blobsOf(held.evictImage()), digests('first layer'))
  assert.equal(held.index.findTag(APP, tagOf('latest'))?.completeDigest, undefined)
})

test('content in use stays when its image goes, and goes itself later', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'image', { blobs: ['read', 'unread'] }, 1000)
  const removed = held.evictImage({ inUse: [named('read')] })
  assert.deepEqual(blobsOf(removed), digests('unread'))
  assert.equal(held.index.findContent(APP, named('read'))?.kind, 'blob')
  const ask = { after: 0, scan: 100, before: EVER, enoughBytes: 1 }
  assert.deepEqual(blobsOf(held.index.evictOrphans({ ...ask, inUse: [named('read')] }).removed), [])
  const slice = held.index.evictOrphans({ ...ask, inUse: [] })
  assert.deepEqual(blobsOf(slice.removed), digests('read'))
  assert.deepEqual(slice.removed.repositories, [APP])
})

test('an image whose content is being downloaded is spared, and what is in use by time', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'child', { blobs: ['arriving'] }, 1000)
  held.hold(APP, 'index', { children: ['child'] }, 1000)
  held.hold(WEB, 'other', { blobs: ['other layer'] }, 5000)
  const spares = [named('arriving')]
  assert.equal(held.evictImage({ spares, before: 5000 }), undefined)
  assert.deepEqual(held.evictImage({ spares })?.manifests, [named('other')])
})

test('orphans are found in slices, no more than is enough, and never what a manifest names', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'image', { blobs: ['a', 'b'] }, 1000)
  for (const name of ['c', 'd', 'e']) held.store(name, 1000)
  held.store('young', 9000)
  const ask = { scan: 4, before: 5000, enoughBytes: 1, inUse: [] }
  const gone: string[] = []
  for (let after: number | undefined = 0; after !== undefined;) {
    const slice = held.index.evictOrphans({ ...ask, after })
    assert.ok(slice.removed.blobs.length <= 1)
    gone.push(...blobsOf(slice.removed))
    after = slice.next
  }
  assert.deepEqual(gone.toSorted(), digests('c', 'd', 'e'))
  assert.deepEqual(held.left('a', 'b', 'young'), ['a', 'b', 'young'])
})

test('an image that its tag moved away from goes once nobody has used it for long enough', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'first', { blobs: ['first layer'] }, 1000)
  held.tag(APP, 'latest', 'first', 1000)
  held.tag(APP, 'same', 'first', 1000)
  held.hold(APP, 'second', { blobs: ['second layer'] }, 1000)
  held.tag(APP, 'latest', 'second', 2000)
  const ask = { after: 0, before: EVER, inUse: [] }
  assert.equal(held.index.evictUntagged(ask), undefined)
  held.tag(APP, 'same', 'second', 3000)
  assert.equal(held.index.evictUntagged({ ...ask, before: 2500 }), undefined)
  // Both tags fall back on it while the newer is not whole.
  held.index.forgetBlob(named('second layer'))
  assert.equal(held.index.evictUntagged(ask), undefined)
  held.store('second layer', 3000)
  const removed = held.index.evictUntagged(ask)
  assert.deepEqual(blobsOf(removed), digests('first layer'))
  assert.equal(removed?.untaggedAt, 3000)
  assert.equal(held.index.findTag(APP, tagOf('latest'))?.completeDigest, undefined)
  assert.equal(held.index.findTag(APP, tagOf('same'))?.digest, named('second'))
})

test('a removed tag takes along what nothing else needs', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'image', { blobs: ['layer', 'base'] }, 1000)
  held.hold(WEB, 'other', { blobs: ['base'] }, 1000)
  held.tag(APP, 'one', 'image')
  held.tag(APP, 'two', 'image')
  assert.equal(held.index.remove(APP, { tag: tagOf('three') }, []), undefined)
  assert.deepEqual(blobsOf(held.index.remove(APP, { tag: tagOf('one') }, [])), [])
  assert.deepEqual(held.left('image'), ['image'])
  const removed = held.index.remove(APP, { tag: tagOf('two') }, [])
  assert.deepEqual(blobsOf(removed), digests('layer'))
  // That it contains the base is still true.
  assert.deepEqual(removed?.repositories, [])
  assert.deepEqual(blobsOf(held.evictImage()), digests('base'))
  assert.equal(held.index.findContent(APP, named('base')), undefined)
})

test('what another repository gives out stays when one repository loses it', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'image', { blobs: ['layer'] }, 1000)
  held.hold(WEB, 'image', { blobs: ['layer'] }, 1000)
  held.tag(APP, 'one', 'image')
  const removed = held.index.remove(APP, { digest: named('image') }, [])
  assert.deepEqual(blobsOf(removed), [])
  assert.equal(held.index.findTag(APP, tagOf('one')), undefined)
  assert.equal(held.index.findContent(APP, named('image')), undefined)
  assert.equal(held.index.findContent(WEB, named('image'))?.kind, 'manifest')
  assert.deepEqual(
    blobsOf(held.index.remove(WEB, { digest: named('image') }, [])),
    digests('layer'),
  )
})

test('what is stored is counted whatever changes it', async () => {
  await using held = new HeldImages()
  held.hold(APP, 'image', { blobs: ['layer'] }, 1000)
  held.store('other', 1000)
  const { blobs, blobBytes, indexBytes } = held.index.usage()
  assert.deepEqual({ blobs, blobBytes }, { blobs: 2, blobBytes: 2 * 8192 })
  assert.ok(indexBytes > 4096)
  held.index.publishBlob(named('other'), { sizeBytes: 1, stamp: '2', storedAt: 2 })
  held.evictImage()
  assert.deepEqual(held.index.usage().blobBytes, 4096)
})
