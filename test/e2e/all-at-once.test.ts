// An office at nine o'clock: every kind of client pulls from three registries through one mirror at
// the same time, half of the images held and half not. Nothing may fail, whoever comes first.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import type { ImageClient } from '../support/client-tools.ts'
import { Containerd } from '../support/containerd.ts'
import { CountingProxy } from '../support/counting-proxy.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { Dockerd } from '../support/dockerd.ts'
import { buildImage, HELLO } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { Podman } from '../support/podman.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'

const REPOSITORIES = {
  'docker.io': 'library/box',
  'ghcr.io': 'org/box',
  'quay.io': 'team/box',
} as const
type Registry = keyof typeof REPOSITORIES
const REGISTRIES = Object.keys(REPOSITORIES) as Registry[]
const HELD = ['held-docker', 'held-oci'] as const
const COLD = ['cold-docker', 'cold-oci'] as const
const NEWER = { imageStore: 'containerd' } as const

interface Pull {
  readonly reference: string
  readonly digest: string
}

const skip =
  unavailable('docker-registry') ??
  Skopeo.unavailable() ??
  Podman.unavailable() ??
  Containerd.unavailable() ??
  Dockerd.unavailable(NEWER) ??
  false

describe('every client at once', { skip, timeout: 300_000 }, () => {
  test('dockerd with the containerd store, BuildKit, containerd, podman and skopeo', async () => {
    await using stack = new AsyncDisposableStack()
    const doors: Record<string, CountingProxy> = {}
    const images = new Map<string, Image>()
    for (const registry of REGISTRIES) {
      const upstream = stack.use(await DockerRegistry.start())
      doors[registry] = stack.use(await CountingProxy.start(upstream.url))
      for (const tag of [...HELD, ...COLD]) {
        const form = tag.endsWith('oci') ? 'oci' : 'docker'
        const image = buildImage({ seed: registry + tag, form, bigLayers: 2, bigLayerMiB: 4 })
        images.set(`${registry}/${REPOSITORIES[registry]}:${tag}`, image)
        await pushImage(upstream.url, REPOSITORIES[registry], tag, image)
      }
    }
    const registries = Object.fromEntries(REGISTRIES.map((name) => [name, doors[name]?.url ?? '']))
    const mirror = stack.use(await RegMirror.start({ registries }))
    const target = { url: mirror.url }
    const pulls = Array.from(images, ([reference, { top }]) => ({ reference, digest: top.digest }))
    await pullAll(
      stack.use(await Skopeo.start(target)),
      pulls.filter(({ reference }) => reference.includes(':held-')),
    )

    const dockerd = stack.use(await Dockerd.start(target, NEWER))
    const clients = [
      stack.use(await Containerd.start(target, REGISTRIES)),
      stack.use(await Podman.start(target, REGISTRIES)),
      stack.use(await Skopeo.start(target)),
    ]
    // registry-mirrors are for Docker Hub only: the others go by the mirror's own address.
    const prefixed = pulls.map(({ reference, digest }) =>
      reference.startsWith('docker.io/')
        ? { reference, digest }
        : { reference: `127.0.0.1:${mirror.port}/${reference}`, digest },
    )
    await Promise.all([
      ...clients.map((client) => pullAll(client, pulls)),
      pullAll(dockerd, prefixed.toReversed()),
      buildAll(dockerd, prefixed),
    ])

    for (const registry of REGISTRIES) {
      const blobs = doors[registry]?.log.all.filter(({ url }) => url.includes('/blobs/')) ?? []
      const asked = blobs.map(({ url }) => url)
      assert.deepEqual(asked, [...new Set(asked)], `${registry} gave each blob once`)
    }
  })
})

async function pullAll(client: ImageClient, pulls: readonly Pull[]): Promise<void> {
  for (const { reference, digest } of pulls) {
    assert.equal(await client.pull(reference), digest, reference)
  }
}

async function buildAll(dockerd: Dockerd, pulls: readonly Pull[]): Promise<void> {
  for (const { reference } of pulls) assert.equal(await dockerd.build(reference), HELLO, reference)
}
