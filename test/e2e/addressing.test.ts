// Every way to say which registry is meant, by each real client that uses it, on dist/regmirror. The
// two registries hold different images, and the origins are unreachable for the client: the digest
// tells that it got the right one, through the mirror.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import type { ImageClient, MirrorTarget } from '../support/client-tools.ts'
import { Containerd } from '../support/containerd.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { Dockerd } from '../support/dockerd.ts'
import { buildImage, HELLO } from '../support/images.ts'
import { freePort } from '../support/net-ports.ts'
import { Podman } from '../support/podman.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'

const HUB = 'docker.io/library/box:1'
const GHCR = 'ghcr.io/org/box:1'
const NEWER = { imageStore: 'containerd' } as const
const NEWER_LAYERS = { imageStore: 'layers' } as const

const images = {
  'docker.io': buildImage({ seed: 'hub', form: 'docker', smallLayers: 2 }),
  'ghcr.io': buildImage({ seed: 'ghcr', form: 'oci', smallLayers: 2 }),
} as const
type RegistryName = keyof typeof images

interface Way {
  readonly name: string
  readonly skip: string | undefined
  readonly start: (box: Box) => Promise<ImageClient>
  // What is pulled, and the registry whose image that must be.
  readonly pulls: (box: Box) => readonly (readonly [string, RegistryName])[]
}

const both = () => [[HUB, 'docker.io'] as const, [GHCR, 'ghcr.io'] as const]
const hubOnly = () => [[HUB, 'docker.io'] as const]
const ghcrOnly = () => [[GHCR, 'ghcr.io'] as const]

const WAYS: readonly Way[] = [
  {
    name: 'skopeo: prefix',
    skip: Skopeo.unavailable(),
    start: (box) => Skopeo.start(box.plain),
    pulls: both,
  },
  {
    name: 'skopeo: host of the mirror',
    skip: Skopeo.unavailable(),
    start: (box) => Skopeo.start(box.named('ghcr')),
    pulls: ghcrOnly,
  },
  {
    name: 'skopeo: no registry is the default one',
    skip: Skopeo.unavailable(),
    start: (box) => Skopeo.start({ ...box.plain, prefix: () => '' }),
    pulls: hubOnly,
  },
  {
    name: 'podman: prefix',
    skip: Podman.unavailable(),
    start: (box) => Podman.start(box.plain),
    pulls: both,
  },
  {
    name: 'podman: host of the mirror',
    skip: Podman.unavailable(),
    start: (box) => Podman.start(box.named('ghcr')),
    pulls: ghcrOnly,
  },
  {
    name: "podman: a registry's own listener",
    skip: Podman.unavailable(),
    start: (box) => Podman.start(box.own),
    pulls: ghcrOnly,
  },
  {
    name: 'containerd: ns',
    skip: Containerd.unavailable(),
    start: (box) => Containerd.start(box.plain),
    pulls: both,
  },
  {
    name: 'containerd: path before /v2',
    skip: Containerd.unavailable(),
    start: (box) => Containerd.start(box.plain, undefined, { path: (registry) => `/${registry}` }),
    pulls: both,
  },
  {
    name: 'containerd: override_path with a prefix',
    skip: Containerd.unavailable(),
    start: (box) =>
      Containerd.start(box.plain, undefined, { path: (registry) => `/v2/${registry}` }),
    pulls: both,
  },
  {
    name: 'containerd: host of the mirror',
    skip: Containerd.unavailable(),
    start: (box) => Containerd.start(box.named('docker')),
    pulls: hubOnly,
  },
  {
    name: "containerd: a registry's own listener",
    skip: Containerd.unavailable(),
    start: (box) => Containerd.start(box.own),
    pulls: ghcrOnly,
  },
  {
    name: 'dockerd: registry-mirrors, the prefix by name, and a host of the mirror',
    skip: Dockerd.unavailable(),
    start: (box) => Dockerd.start({ ...box.plain, hosts: ['ghcr.box.lan'] }),
    pulls: ({ port }) => [
      [HUB, 'docker.io'],
      [`127.0.0.1:${port}/ghcr.io/org/box:1`, 'ghcr.io'],
      [`127.0.0.1:${port}/docker.io/library/box:1`, 'docker.io'],
      [`127.0.0.1:${port}/docker.io/box:1`, 'docker.io'],
      [`127.0.0.1:${port}/box:1`, 'docker.io'],
      [`ghcr.box.lan:${port}/org/box:1`, 'ghcr.io'],
    ],
  },
  {
    name: 'dockerd: registry-mirrors with a path',
    skip: Dockerd.unavailable(NEWER_LAYERS),
    start: (box) => Dockerd.start({ url: `${box.plain.url}/docker.io` }, NEWER_LAYERS),
    pulls: hubOnly,
  },
  {
    name: 'dockerd with the containerd store: registry-mirrors, and the prefix by name',
    skip: Dockerd.unavailable(NEWER),
    start: (box) => Dockerd.start(box.plain, NEWER),
    pulls: ({ port }) => [
      [HUB, 'docker.io'],
      [`127.0.0.1:${port}/ghcr.io/org/box:1`, 'ghcr.io'],
    ],
  },
  {
    name: 'dockerd with the containerd store: registry-mirrors with a path',
    skip: Dockerd.unavailable(NEWER),
    start: (box) => Dockerd.start({ url: `${box.plain.url}/docker.io` }, NEWER),
    pulls: hubOnly,
  },
]

// How a client reaches the mirror.
interface Box {
  readonly port: number
  readonly plain: MirrorTarget
  readonly own: MirrorTarget // a listener for ghcr.io alone
  readonly named: (subdomain: string) => MirrorTarget
}

const skip = unavailable('docker-registry') ?? false

describe('every way of addressing gives the same image', { skip, timeout: 300_000 }, () => {
  const stack = new AsyncDisposableStack()
  let box: Box

  before(async () => {
    const urls: Record<string, string> = {}
    for (const [name, repository] of [
      ['docker.io', 'library/box'],
      ['ghcr.io', 'org/box'],
    ] as const) {
      const registry = stack.use(await DockerRegistry.start())
      await pushImage(registry.url, repository, '1', images[name])
      urls[name] = registry.url
    }
    const ownPort = await freePort()
    const own = ['--registry-listen', `ghcr.io=127.0.0.1:${ownPort}`]
    const args = ['--base-domain', 'box.lan', ...own]
    const { port, url } = stack.use(await RegMirror.start({ registries: urls, args }))
    const prefix = () => ''
    box = {
      port,
      plain: { url },
      own: { url: `http://127.0.0.1:${ownPort}`, prefix },
      named: (subdomain) => {
        const host = `${subdomain}.box.lan`
        return { url: `http://${host}:${port}`, prefix, hosts: [host] }
      },
    }
  })
  after(() => stack.disposeAsync())

  for (const { name, skip: without, start, pulls } of WAYS) {
    test(name, { skip: without ?? false }, async () => {
      await using client = await start(box)
      for (const [reference, registry] of pulls(box)) {
        assert.equal(await client.pull(reference), images[registry].top.digest, reference)
      }
    })
  }

  test(
    'BuildKit builds from a mirror with a path, and from the prefix by name',
    {
      skip: Dockerd.unavailable(NEWER) ?? false,
    },
    async () => {
      await using dockerd = await Dockerd.start({ url: `${box.plain.url}/docker.io` }, NEWER)
      assert.equal(await dockerd.build(HUB), HELLO)
      assert.equal(await dockerd.build(`127.0.0.1:${box.port}/ghcr.io/org/box:1`), HELLO)
    },
  )

  test(
    'what is not served is not found by any client, and nothing else is put in its place',
    {
      skip: Skopeo.unavailable() ?? Containerd.unavailable() ?? false,
    },
    async () => {
      await using skopeo = await Skopeo.start(box.plain)
      await using containerd = await Containerd.start(box.plain, ['evil.test', 'ghcr.io'], {
        path: (registry) => (registry === 'ghcr.io' ? '/evil.test' : ''),
      })
      await assert.rejects(skopeo.pull('evil.test/library/box:1'))
      await assert.rejects(containerd.pull('evil.test/library/box:1'))
      await assert.rejects(containerd.pull('ghcr.io/org/box:1'))
    },
  )
})
