// A signed image, warmed with what refers to it: with the registry gone its signatures are read through
// the mirror by a real client and are right, and so is what tools find by the referrers API.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { indexOf, referrer } from '../support/artifacts.ts'
import { unavailable } from '../support/client-tools.ts'
import { CountingProxy } from '../support/counting-proxy.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { buildImage } from '../support/images.ts'
import { pushImage } from '../support/push-image.ts'
import { Signer } from '../support/signer.ts'
import { Skopeo } from '../support/skopeo.ts'
import { statuses, WarmCommand } from '../support/warm-command.ts'

const skip = unavailable('docker-registry', 'openssl') ?? Skopeo.unavailable() ?? false

const APP = 'docker.io/acme/app'
const PLAIN = 'docker.io/acme/plain'
const signed = buildImage({ seed: 'signed', form: 'oci' })
const plain = buildImage({ seed: 'plain', form: 'oci' })
const bom = referrer(signed.top, 'application/spdx+json')
const list = indexOf([bom.descriptor])
const tagOf = (digest: string): string => digest.replace(':', '-')

describe('signatures', { skip, timeout: 120_000 }, () => {
  const stack = new AsyncDisposableStack()
  let registry: DockerRegistry
  let door: CountingProxy
  let signer: Signer
  let warm: WarmCommand

  before(async () => {
    registry = stack.use(await DockerRegistry.start())
    door = stack.use(await CountingProxy.start(registry.url))
    signer = stack.use(await Signer.create())
    await pushImage(registry.url, 'acme/app', '1', signed)
    await pushImage(registry.url, 'acme/plain', '1', plain)
    for (const digest of signed.manifests.keys()) {
      const signature = await signer.sign(digest, `${APP}:1`)
      await pushImage(registry.url, 'acme/app', `${tagOf(digest)}.sig`, signature)
    }
    // Without a referrers API, whoever attaches an SBOM lists it under a tag.
    await pushImage(registry.url, 'acme/app', bom.descriptor.digest, bom.image)
    await pushImage(registry.url, 'acme/app', tagOf(signed.top.digest), list)
    const registries = { 'docker.io': door.url }
    const lines = ['@defaults referrers=yes platforms=all', 'acme/app:1', 'acme/plain:1', '']
    warm = stack.use(new WarmCommand({ registries, list: lines.join('\n') }))
  })
  after(() => stack.disposeAsync())

  test('all that refers to an image is warmed with it, each by its name', async () => {
    const { code, report, said } = await warm.run()
    assert.equal(code, 0, said)
    const names = [
      `${APP}:1`,
      ...Array.from(signed.manifests.keys(), (digest) => `${APP}:${tagOf(digest)}.sig`),
      `${APP}:${tagOf(signed.top.digest)}`,
      `${APP}@${bom.descriptor.digest}`,
      `${PLAIN}:1`,
    ]
    assert.deepEqual(statuses(report), Object.fromEntries(names.map((name) => [name, 'warmed'])))
    assert.match(said, /docker\.io\/acme\/plain:1: nothing refers to it upstream/)
  })

  test('the next run finds all of it fresh and fetches nothing', async () => {
    door.log.clear()
    const { code, report, said } = await warm.run()
    assert.equal(code, 0, said)
    assert.equal(report.totals.fresh, report.totals.references)
    assert.deepEqual(door.log.find({ method: 'GET', path: /\/(manifests|blobs)\// }), [])
  })

  test('with the registry gone, skopeo reads every signature, and openssl finds them right', async () => {
    await registry.close()
    await door.close()
    await using mirror = await warm.serve()
    await using skopeo = await Skopeo.start(mirror)
    const signatures = await skopeo.signatures(`${APP}:1`)
    const digests = await Promise.all(
      signatures.map(({ payload, signature }) => signer.digestSigned(payload, signature)),
    )
    assert.deepEqual(digests.toSorted(), [...signed.manifests.keys()].toSorted())
    await using other = await Signer.create()
    const [first] = signatures
    assert.ok(first)
    await assert.rejects(other.digestSigned(first.payload, first.signature))
  })

  test('offline, the SBOM is found by the referrers API and by the tag, and no signature of others', async () => {
    await using mirror = await warm.serve('--offline')
    const at = `${mirror.url}/v2/acme/app`
    const places = [`referrers/${signed.top.digest}`, `manifests/${tagOf(signed.top.digest)}`]
    for (const place of places) {
      const answer = await fetch(`${at}/${place}`)
      assert.equal(answer.status, 200, place)
      const { manifests } = (await answer.json()) as { readonly manifests: readonly unknown[] }
      assert.deepEqual(manifests, [bom.descriptor])
    }
    await using skopeo = await Skopeo.start(mirror)
    assert.deepEqual(await skopeo.signatures(`${PLAIN}:1`), [])
    const manifest = await fetch(`${at}/manifests/${bom.descriptor.digest}`)
    assert.equal(manifest.status, 200)
    await manifest.body?.cancel()
    for (const [digest, { size }] of bom.image.blobs) {
      const blob = await fetch(`${at}/blobs/${digest}`)
      assert.equal((await blob.arrayBuffer()).byteLength, size)
    }
  })
})
