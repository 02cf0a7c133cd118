// Real clients on what is held already: what their pulls cost upstream, and that they need none.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import type { ImageClient, MirrorTarget } from '../support/client-tools.ts'
import { Containerd } from '../support/containerd.ts'
import { CountingProxy } from '../support/counting-proxy.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { Dockerd } from '../support/dockerd.ts'
import { buildImage } from '../support/images.ts'
import { Podman } from '../support/podman.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'

const CLIENTS: readonly {
  readonly name: string
  readonly skip: string | undefined
  readonly start: (mirror: MirrorTarget) => Promise<ImageClient>
}[] = [
  { name: 'skopeo', skip: Skopeo.unavailable(), start: (mirror) => Skopeo.start(mirror) },
  { name: 'podman', skip: Podman.unavailable(), start: (mirror) => Podman.start(mirror) },
  { name: 'containerd', skip: Containerd.unavailable(), start: (at) => Containerd.start(at) },
  { name: 'dockerd', skip: Dockerd.unavailable(), start: (mirror) => Dockerd.start(mirror) },
]
const REFERENCE = 'docker.io/library/box:1'
const skipAll = unavailable('docker-registry') ?? false

// Each has a registry, a mirror and a client of its own.
describe('held images', { concurrency: true }, () => {
  for (const { name, skip, start } of CLIENTS) {
    const title = `${name}: a fresh pull asks nobody, a revalidation is one HEAD, then none is needed`
    test(title, { skip: skip ?? skipAll, timeout: 120_000 }, async () => {
      await using registry = await DockerRegistry.start()
      await using upstream = await CountingProxy.start(registry.url)
      const image = buildImage({ seed: 'offline', form: 'oci', smallLayers: 2 })
      await pushImage(registry.url, 'library/box', '1', image)
      await using mirror = await RegMirror.start({ registries: { 'docker.io': upstream.url } })
      const pull = async (reference = REFERENCE): Promise<string> => {
        // A client of its own each time: with nothing in its own store it asks for everything.
        await using client = await start({ url: mirror.url })
        return await client.pull(reference)
      }
      const asked = (): string[] => {
        const lines = upstream.log.all.map(({ method, url }) => `${method} ${url}`)
        upstream.log.clear()
        return lines
      }

      assert.equal(await pull(), image.top.digest)
      asked()
      assert.equal(await pull(), image.top.digest)
      assert.deepEqual(asked(), [], 'what was just confirmed is not asked for')

      await mirror.stop()
      await mirror.restart(['--tag-ttl', '0'])
      assert.equal(await pull(), image.top.digest)
      assert.deepEqual(asked(), ['HEAD /v2/library/box/manifests/1'], 'a tag that is old')

      await mirror.stop()
      await upstream.close()
      await registry.close()
      await mirror.restart(['--tag-ttl', '0'])
      assert.equal(await pull(), image.top.digest, 'upstream is gone and the mirror restarted')
      await assert.rejects(pull('docker.io/library/box:unknown'))

      await mirror.stop()
      await mirror.restart(['--offline'])
      assert.equal(await pull(), image.top.digest, 'declared offline')
    })
  }
})
