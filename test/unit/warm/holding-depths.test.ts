import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import type { HeldManifest } from '../../../src/store/index-port.ts'
import { Lacking } from '../../../src/warm/causes.ts'
import { holdingOf } from '../../../src/warm/holding.ts'
import type { Holding } from '../../../src/warm/holding.ts'

const name = parseRepositoryName('library/app') ?? assert.fail()

class Held {
  readonly manifests = new Map<Digest, HeldManifest>()
  readonly lost = new Set<Digest>()

  put(mediaType: string, body: object) {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...body }))
    const digest = digestOf(bytes)
    this.manifests.set(digest, { digest, mediaType, bytes })
    return { mediaType, digest, size: bytes.length }
  }

  image(layer: string) {
    const config = { mediaType: 'text/plain', digest: digestOf(Buffer.from('{}')), size: 2 }
    const layers = [{ mediaType: 'text/plain', digest: digestOf(Buffer.from(layer)), size: 9 }]
    return this.put(OCI_MANIFEST, { config, layers })
  }

  // Of no platform where that is ''.
  index(entries: readonly (readonly [string, { readonly digest: Digest }])[]) {
    const manifests = entries.map(([platform, child]) => {
      const [os, architecture] = platform.split('/')
      return { ...child, ...(platform !== '' && { platform: { os, architecture } }) }
    })
    return this.put(OCI_INDEX, { manifests })
  }

  look(digest: Digest, platforms: readonly string[]): Promise<Holding> {
    const mirror: Parameters<typeof holdingOf>[0] = {
      heldManifest: (_, of) => Promise.resolve(this.manifests.get(of)),
      missingBlobs: (_, blobs) =>
        Promise.resolve(blobs.filter((blob) => this.lost.has(blob.digest))),
    }
    const top = { digest, isIndex: true, sizeBytes: undefined }
    return holdingOf(mirror, { registry: 'docker.io', name }, top, platforms)
  }
}

test('a platform is whole where all of its manifests and blobs are there', async () => {
  const held = new Held()
  const windows = held.image('windows 2')
  const { digest } = held.index([
    ['linux/amd64', held.image('amd')],
    ['linux/arm64', held.image('arm')],
    ['windows/amd64', held.image('windows 1')],
    ['windows/amd64', windows],
  ])
  const whole = await held.look(digest, ['all'])
  assert.deepEqual(whole.platforms, ['linux/amd64', 'linux/arm64', 'windows/amd64'])
  held.lost.add(digestOf(Buffer.from('arm')))
  held.manifests.delete(windows.digest)
  const broken = await held.look(digest, ['all'])
  assert.deepEqual(broken.platforms, ['linux/amd64'])
  assert.deepEqual(
    broken.missingManifests.map((each) => each.digest),
    [windows.digest],
  )
})

test('an image that is nested too deeply to be looked at is no whole one', async () => {
  const held = new Held()
  let top = held.image('deep')
  for (let depth = 1; depth <= 4; depth += 1) top = held.index([['', top]])
  assert.deepEqual((await held.look(top.digest, ['linux/amd64'])).missingManifests, [])
  top = held.index([['', top]])
  const looked = held.look(top.digest, ['linux/amd64'])
  await assert.rejects(looked, (error) => error instanceof Lacking && /nested/.test(error.message))
})
