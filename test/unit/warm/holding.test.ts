import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDigest } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { Descriptor } from '../../../src/oci/manifest.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import { holdingOf } from '../../../src/warm/holding.ts'
import type { Holding } from '../../../src/warm/holding.ts'
import { indexOf } from '../../support/artifacts.ts'
import { buildImage } from '../../support/images.ts'
import type { Image } from '../../support/images.ts'

const single = buildImage({ seed: 'holding', form: 'oci', architectures: ['amd64'] })
const BOTH = ['linux/amd64', 'linux/arm64']

// What tools write for content that runs on either, such as one script.
const shared = indexOf(
  BOTH.map((platform) => {
    const [os, architecture] = platform.split('/')
    return { ...single.top, platform: { os, architecture } }
  }),
)

// Of an image of which so much is held, for both platforms.
async function holding(
  image: Image,
  held: readonly Image[],
  lacksBlobs: boolean,
): Promise<Holding> {
  const manifests = new Map(held.flatMap((each) => [...each.manifests]))
  const name = parseRepositoryName('library/app')
  assert.ok(name)
  const mirror = {
    heldManifest: (_: unknown, digest: Digest) => {
      const manifest = manifests.get(digest)
      return Promise.resolve(manifest && { digest, ...manifest })
    },
    missingBlobs: (_: unknown, blobs: readonly Descriptor[]) =>
      Promise.resolve(lacksBlobs ? blobs.slice(0, 1) : []),
  }
  const digest = parseDigest(image.top.digest)
  assert.ok(digest)
  const top = { digest, isIndex: true, sizeBytes: undefined }
  return await holdingOf(mirror, { registry: 'docker.io', name }, top, BOTH)
}

test('a manifest that stands for two platforms is whole, or not, for both', async () => {
  const whole = await holding(shared, [shared, single], false)
  assert.deepEqual(whole.platforms, BOTH)
  assert.deepEqual((await holding(shared, [shared, single], true)).platforms, [])
  const unfetched = await holding(shared, [shared], false)
  assert.deepEqual(unfetched.platforms, [])
  assert.equal(unfetched.missingManifests.length, 1)
})
