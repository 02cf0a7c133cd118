// Real clients pull and run images through dist/regmirror, from upstreams of three kinds, with the
// origin unreachable for the client; they must see the origin's digests.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { Containerd } from '../support/containerd.ts'
import { unavailable } from '../support/client-tools.ts'
import type { ImageClient, MirrorTarget, RunningClient } from '../support/client-tools.ts'
import { Dockerd } from '../support/dockerd.ts'
import { buildImage, HELLO } from '../support/images.ts'
import { Podman } from '../support/podman.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'
import { UPSTREAM_KINDS, Upstreams } from '../support/upstreams.ts'

interface Case {
  readonly name: string
  readonly repositories: readonly string[]
  readonly skip: string | undefined
  readonly start: (mirror: MirrorTarget) => Promise<ImageClient | RunningClient>
}

const HUB = 'docker.io/library/box'
const OTHER = 'ghcr.io/org/box'
const BOTH = [HUB, OTHER]
const FORMS = ['docker', 'oci'] as const

const CLIENTS: readonly Case[] = [
  {
    name: 'skopeo copies all platforms',
    repositories: BOTH,
    skip: Skopeo.unavailable(),
    start: (mirror) => Skopeo.start(mirror),
  },
  {
    name: 'podman pulls and runs',
    repositories: BOTH,
    skip: Podman.unavailable(),
    start: (mirror) => Podman.start(mirror),
  },
  {
    name: 'containerd pulls and runs',
    repositories: BOTH,
    skip: Containerd.unavailable(),
    start: (mirror) => Containerd.start(mirror),
  },
  {
    name: 'dockerd pulls and runs',
    repositories: [HUB], // registry-mirrors are for Docker Hub only
    skip: Dockerd.unavailable(),
    start: (mirror) => Dockerd.start(mirror),
  },
]

const skipAll = unavailable('docker-registry', 'openssl') ?? false

describe('real clients through the mirror', { skip: skipAll, timeout: 300_000 }, () => {
  const images = {
    docker: buildImage({ seed: 'clients', form: 'docker', smallLayers: 3 }),
    oci: buildImage({ seed: 'clients', form: 'oci', bigLayers: 1, bigLayerMiB: 8 }),
  }
  let upstreams: Upstreams

  before(async () => {
    upstreams = await Upstreams.start()
    for (const form of FORMS) {
      await pushImage(upstreams.plain.url, 'library/box', form, images[form])
      await pushImage(upstreams.plain.url, 'org/box', form, images[form])
    }
  })
  after(() => upstreams.close())

  for (const kind of UPSTREAM_KINDS) {
    for (const { name, repositories, skip, start } of CLIENTS) {
      test(`${name}: ${kind} upstream`, { skip: skip ?? false }, async () => {
        const door = upstreams.doors[kind]
        door.log.clear()
        upstreams.tokens.log.clear()
        upstreams.cdn.log.clear()
        const registries = { 'docker.io': door.url, 'ghcr.io': door.url }
        await using mirror = await RegMirror.start({ registries })
        await using client = await start({ url: mirror.url })

        for (const repository of repositories) {
          for (const form of FORMS) {
            const reference = `${repository}:${form}`
            assert.equal(await client.pull(reference), images[form].top.digest, reference)
            if ('run' in client) assert.equal(await client.run(reference), HELLO, reference)
          }
        }

        assert.notEqual(door.log.all.length, 0, 'the image came from this upstream')
        const fromCdn = upstreams.cdn.log.all
        assert.equal(fromCdn.length > 0, kind === 'redirect', 'who redirects is followed')
        const refused = fromCdn.filter((request) => request.status === 400)
        assert.deepEqual(refused, [], 'no credentials went to the other host')
        const tokens = upstreams.tokens.log.all.length
        assert.equal(tokens > 0, kind === 'token', 'who asks for a token gets one')
      })
    }
  }
})
