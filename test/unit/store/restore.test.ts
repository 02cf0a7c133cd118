import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Digest } from '../../../src/oci/digest.ts'
import { describeManifest } from '../../../src/oci/manifest.ts'
import type { ManifestRecord } from '../../../src/store/index-port.ts'
import { buildImage } from '../../support/images.ts'
import { EVER, repositoryOf, tagOf } from '../../support/held-images.ts'
import { KeptStore } from '../../support/kept-store.ts'

const image = buildImage({ seed: 'restored', form: 'oci', architectures: ['amd64', 'arm64'] })
const UNTAGGED = { after: 0, before: EVER, inUse: [] }

function recordOf(digest: string): ManifestRecord {
  const { mediaType, bytes } = image.manifests.get(digest) ?? assert.fail(digest)
  return { digest: digest as Digest, bytes, ...describeManifest(bytes, mediaType) }
}

test('an image that came back without its name goes in time, as one that lost its tag', async () => {
  await using kept = await KeptStore.open()
  const { index } = kept.store
  for (const digest of image.manifests.keys()) await index.restoreManifest(recordOf(digest))
  const gone = await index.evictUntagged(UNTAGGED)
  assert.deepEqual(gone?.manifests.toSorted(), [...image.manifests.keys()].toSorted())
})

test('an image that came back with its name stays, by its tag or by its digest', async () => {
  await using kept = await KeptStore.open()
  const { index } = kept.store
  const app = repositoryOf('app')
  const [tagged, ...others] = image.platforms.map(({ manifest }) => manifest.digest as Digest)
  assert.ok(tagged)
  const dates = { checkedAt: 1, changedAt: 1, usedAt: undefined }
  const unknown = { mediaType: undefined, sizeBytes: undefined, completeDigest: undefined }
  const content = { kind: 'manifest', sizeBytes: 1, isClaim: false, isOpen: true } as const
  for (const digest of others) {
    await index.restore([{ table: 'content', ...app, digest, ...content }])
  }
  for (const digest of [tagged, ...others]) {
    await index.restore([{ table: 'manifest', ...recordOf(digest), digest }])
  }
  const tag = tagOf('1')
  await index.restore([{ table: 'tag', ...app, tag, digest: tagged, ...unknown, ...dates }])
  assert.equal(await index.evictUntagged(UNTAGGED), undefined)
})

test('what a pin that came back keeps is counted anew', async () => {
  await using kept = await KeptStore.open()
  const { index } = kept.store
  const version = await index.pinsVersion()
  const pin = { reference: '1', by: 'list /etc/mirror.txt', pinnedAt: 1 }
  const ending = { keepMs: undefined, leftAt: undefined }
  await index.restore([{ table: 'pin', ...repositoryOf('app'), ...pin, ...ending }])
  assert.notEqual(await index.pinsVersion(), version)
})
