// A store that is damaged while its mirror is stopped, with real pulls of what it holds.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { binaryPath, RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import { CountingProxy } from '../support/counting-proxy.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { Program } from '../support/process.ts'
import { pushImage } from '../support/push-image.ts'
import { Skopeo } from '../support/skopeo.ts'
import { publishedPath, quarantinedNames } from '../support/store-invariants.ts'

const REFERENCE = 'docker.io/library/box:1'
const skip = Skopeo.unavailable() ?? unavailable('docker-registry') ?? false

async function pull(mirror: RegMirror): Promise<string> {
  await using skopeo = await Skopeo.start({ url: mirror.url })
  return await skopeo.pull(REFERENCE)
}

async function withPulledImage(
  seed: string,
  body: (mirror: RegMirror, upstream: CountingProxy, image: Image) => Promise<void>,
): Promise<void> {
  await using registry = await DockerRegistry.start()
  await using upstream = await CountingProxy.start(registry.url)
  const image = buildImage({ seed, form: 'oci', smallLayers: 2 })
  await pushImage(registry.url, 'library/box', '1', image)
  await using mirror = await RegMirror.start({ registries: { 'docker.io': upstream.url } })
  assert.equal(await pull(mirror), image.top.digest)
  await mirror.stop()
  upstream.log.clear()
  await body(mirror, upstream, image)
}

test(
  'with the beginning of its index overwritten, the mirror is whole again without upstream',
  {
    skip,
    timeout: 120_000,
  },
  async () => {
    await withPulledImage('overwritten', async (mirror, upstream, image) => {
      const index = path.join(mirror.dataFolder, 'index.db')
      const bytes = readFileSync(index)
      // The header stays: it is what tells that the rest can be read.
      writeFileSync(index, bytes.fill(0xa5, 3 * 4096, 6 * 4096))
      writeFileSync(path.join(mirror.dataFolder, 'index.damaged'), 'for the test\n')
      await mirror.restart(['--offline'])
      await mirror.program.waitForLine(/the index is made again: \d+ rows of the old one/)
      assert.equal(await pull(mirror), image.top.digest)
      assert.deepEqual(upstream.log.all, [])
      assert.ok(quarantinedNames(mirror.dataFolder).some((name) => /^index-.*\.db$/.test(name)))
    })
  },
)

test(
  'verify finds a flipped bit through the running server, and the next pull heals it',
  {
    skip,
    timeout: 120_000,
  },
  async () => {
    await withPulledImage('flipped', async (mirror, upstream, image) => {
      const [layer] = image.platforms[0]?.layers ?? []
      assert.ok(layer)
      await mirror.restart()
      const file = publishedPath(mirror.dataFolder, layer.digest)
      const bytes = readFileSync(file)
      writeFileSync(file, bytes.fill(bytes.readUInt8(50) ^ 1, 50, 51))

      const verify = new Program(binaryPath(), ['verify', '--deep', '--data', mirror.dataFolder])
      assert.equal((await verify.exited).code, 1, verify.report())
      assert.ok(
        verify.lines.stdout.some((line) => line.includes(layer.digest)),
        verify.report(),
      )
      assert.deepEqual(quarantinedNames(mirror.dataFolder), [layer.digest.replace(':', '-')])
      assert.equal(await pull(mirror), image.top.digest)
      const blobs = upstream.log.all.filter(({ url }) => url.includes('/blobs/'))
      assert.deepEqual(
        blobs.map(({ url }) => url),
        [`/v2/library/box/blobs/${layer.digest}`],
      )
      const again = new Program(binaryPath(), ['verify', '--deep', '--data', mirror.dataFolder])
      assert.equal((await again.exited).code, 0, again.report())
    })
  },
)
