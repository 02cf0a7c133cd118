// Real clients pull through dist/regmirror from a registry of two endpoints, the first of which is
// dead, limiting or behind.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import type { ImageClient, MirrorTarget } from '../support/client-tools.ts'
import { Containerd } from '../support/containerd.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { freePort } from '../support/net-ports.ts'
import { Podman } from '../support/podman.ts'
import { tooManyRequests } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { Skopeo } from '../support/skopeo.ts'

interface Client {
  readonly name: string
  readonly skip: string | undefined
  readonly start: (mirror: MirrorTarget) => Promise<ImageClient>
}

const CLIENTS: readonly Client[] = [
  { name: 'skopeo', skip: Skopeo.unavailable(), start: (mirror) => Skopeo.start(mirror) },
  { name: 'podman', skip: Podman.unavailable(), start: (mirror) => Podman.start(mirror) },
  { name: 'containerd', skip: Containerd.unavailable(), start: (at) => Containerd.start(at) },
]
const TAG = 'docker.io/library/box:1'
const REPOSITORY = 'library/box'
const [older, newer] = ['older', 'newer'].map((seed) =>
  buildImage({ seed: `endpoints ${seed}`, form: 'oci', bigLayers: 1, bigLayerMiB: 4 }),
) as [Image, Image]

async function mirrorOf(...endpoints: readonly string[]): Promise<RegMirror> {
  const registries = { 'docker.io': endpoints.join(',') }
  return await RegMirror.start({ registries, args: ['--tag-ttl', '0'] })
}

for (const { name, skip, start } of CLIENTS) {
  describe(
    `${name} through a registry of two endpoints`,
    { skip: skip ?? false, timeout: 120_000 },
    () => {
      // With nothing in a store of its own it asks for everything, each time.
      const pull = async (mirror: RegMirror): Promise<string> => {
        await using client = await start({ url: mirror.url })
        return await client.pull(TAG)
      }

      test('the first is dead', async () => {
        await using origin = await ScriptedUpstream.start()
        origin.addImage(REPOSITORY, '1', older)
        await using mirror = await mirrorOf(`http://127.0.0.1:${await freePort()}`, origin.url)
        assert.equal(await pull(mirror), older.top.digest)
        await mirror.program.waitForLine(
          /cannot be reached: .+; 127\.0\.0\.1:\d+ is not asked for 15 s/,
        )
      })

      test('the first is limiting', async () => {
        await using first = await ScriptedUpstream.start()
        await using origin = await ScriptedUpstream.start()
        for (const each of [first, origin]) each.addImage(REPOSITORY, '1', older)
        first.script({ reply: tooManyRequests(600) })
        await using mirror = await mirrorOf(first.url, origin.url)
        assert.equal(await pull(mirror), older.top.digest)
        // Blobs are asked for at once, manifests one after the other.
        assert.equal(first.log.find({ path: '/manifests/' }).length, 2)
      })

      test('the first is behind: what was seen to be newer stays', async () => {
        await using first = await ScriptedUpstream.start()
        await using origin = await ScriptedUpstream.start()
        await using mirror = await mirrorOf(first.url, origin.url)
        for (const image of [older, newer]) {
          for (const each of [first, origin]) each.addImage(REPOSITORY, '1', image)
          assert.equal(await pull(mirror), image.top.digest)
        }
        first.tag(REPOSITORY, '1', older.top.digest)
        assert.equal(await pull(mirror), newer.top.digest)
        await origin.close()
        assert.equal(await pull(mirror), newer.top.digest)
      })
    },
  )
}
