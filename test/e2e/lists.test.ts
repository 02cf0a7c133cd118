// Lists through the packaged program: with upstream there, gone, and gone since before it started.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexOf, referrer } from '../support/artifacts.ts'
import { RegMirror } from '../support/binary.ts'
import { unavailable } from '../support/client-tools.ts'
import { CountingProxy } from '../support/counting-proxy.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { MEDIA_TYPES, buildImage } from '../support/images.ts'
import { run } from '../support/process.ts'
import { pushImage } from '../support/push-image.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'

const TAGS = ['1.0', '1.1', 'Latest', 'edge', 'latest']
const INDEX = MEDIA_TYPES.oci.index
const image = buildImage({ seed: 'e2e lists', form: 'oci', architectures: ['amd64'] })
const signature = referrer(image.top, 'application/vnd.example.signature', { who: 'me' })
const bom = referrer(image.top, 'application/spdx+json')
const REFERRERS = `/v2/box/referrers/${image.top.digest}`
const TAG = image.top.digest.replace(':', '-')
const EVERY_TIME = ['--tag-ttl', '0']

interface Listed {
  readonly status: number
  readonly type: string | undefined
  readonly isStale: boolean
  readonly json: unknown
}

async function list(mirror: RegMirror, path: string): Promise<Listed> {
  await using response = await rawRequest(mirror.url + path)
  const json: unknown = JSON.parse((await response.body()).toString())
  const { status, headers } = response
  return { status, type: headers.get('content-type'), isStale: headers.has('warning'), json }
}

function asIndex(manifests: readonly object[], isStale: boolean): Listed {
  const json = { schemaVersion: 2, mediaType: INDEX, manifests }
  return { status: 200, type: INDEX, isStale, json }
}

const withSkopeo = { skip: unavailable('docker-registry', 'skopeo') ?? false, timeout: 120_000 }

test('skopeo lists the tags of a repository, with and without upstream', withSkopeo, async () => {
  await using registry = await DockerRegistry.start()
  for (const tag of TAGS) await pushImage(registry.url, 'library/box', tag, image)
  const registries = { 'docker.io': registry.url, 'ghcr.io': registry.url }
  await using mirror = await RegMirror.start({ registries, args: EVERY_TIME })
  const tagsOf = async (name: string): Promise<string[]> => {
    const source = `docker://127.0.0.1:${mirror.port}/${name}`
    const { stdout } = await run('skopeo', ['list-tags', '--tls-verify=false', source])
    return (JSON.parse(stdout) as { Tags: string[] }).Tags
  }
  const assertListed = async (): Promise<void> => {
    for (const name of ['library/box', 'ghcr.io/library/box']) {
      assert.deepEqual(await tagsOf(name), TAGS)
    }
  }
  await assertListed()
  await registry.close()
  await assertListed()
  await mirror.stop()
  await mirror.restart()
  await assertListed()
  await mirror.stop()
  await mirror.restart(['--offline'])
  await assertListed()
  await assert.rejects(tagsOf('library/unknown'))
})

const withRegistry = { skip: unavailable('docker-registry') ?? false, timeout: 120_000 }

test(
  'referrers at a registry without the API, with and without upstream',
  withRegistry,
  async () => {
    await using registry = await DockerRegistry.start()
    await using upstream = await CountingProxy.start(registry.url)
    await pushImage(registry.url, 'library/box', '1', image)
    await pushImage(registry.url, 'library/box', 'signature', signature.image)
    await pushImage(registry.url, 'library/box', TAG, indexOf([signature.descriptor]))
    await using mirror = await RegMirror.start({ registries: { 'docker.io': upstream.url } })
    const asked = (): string[] => {
      const lines = upstream.log.all.map(({ method, url }) => `${method} ${url}`)
      upstream.log.clear()
      return lines
    }
    assert.deepEqual(await list(mirror, REFERRERS), asIndex([signature.descriptor], false))
    const [api, tag, ...more] = asked()
    assert.equal(api, `GET /v2/library/box/referrers/${image.top.digest}`)
    assert.equal(tag, `HEAD /v2/library/box/manifests/${TAG}`)
    assert.equal(more.length, 1)
    // What nothing refers to is remembered as that only where it is held.
    await (await fetch(mirror.manifestUrl('docker.io', 'box', 'signature'))).arrayBuffer()
    asked()
    const { digest } = signature.image.top
    const unsigned = `/v2/box/referrers/${digest}`
    assert.deepEqual(await list(mirror, unsigned), asIndex([], false))
    assert.deepEqual(asked(), [`HEAD /v2/library/box/manifests/${digest.replace(':', '-')}`])

    await upstream.close()
    await registry.close()
    await mirror.stop()
    await mirror.restart(EVERY_TIME)
    assert.deepEqual(await list(mirror, REFERRERS), asIndex([signature.descriptor], true))
    assert.deepEqual(await list(mirror, unsigned), asIndex([], true))
    const { status } = await list(mirror, `/v2/box/referrers/sha256:${'2'.repeat(64)}`)
    assert.ok(status >= 502 && status <= 504, `${status}`)
  },
)

test('referrers by the API, with and without upstream', { timeout: 120_000 }, async () => {
  await using upstream = await ScriptedUpstream.start()
  upstream.addImage('library/box', '1', image)
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: [signature.descriptor, bom.descriptor],
  })
  const reply = { status: 200, headers: { 'content-type': INDEX }, body }
  upstream.script({ path: '/referrers/', reply })
  await using mirror = await RegMirror.start({ registries: { 'docker.io': upstream.url } })
  const filtered = `${REFERRERS}?artifactType=application/spdx%2Bjson`
  assert.deepEqual(await list(mirror, filtered), asIndex([bom.descriptor], false))
  const both = [signature.descriptor, bom.descriptor]
  assert.deepEqual(await list(mirror, REFERRERS), asIndex(both, false))
  assert.deepEqual(
    upstream.log.all.map(({ url }) => url),
    [`/v2/library/box/referrers/${image.top.digest}`],
  )
  await mirror.stop()
  await upstream.close()
  await mirror.restart(EVERY_TIME)
  assert.deepEqual(await list(mirror, filtered), asIndex([bom.descriptor], true))
  await mirror.stop()
  await mirror.restart(['--offline'])
  assert.deepEqual(await list(mirror, REFERRERS), asIndex(both, true))
})

test('the catalog names what is held, and is silent where it is to be', async () => {
  await using upstream = await ScriptedUpstream.start()
  upstream.addImage('library/box', '1', image)
  const registries = { 'docker.io': upstream.url, 'ghcr.io': upstream.url }
  await using mirror = await RegMirror.start({ registries })
  for (const name of ['box', 'ghcr.io/library/box']) await list(mirror, `/v2/${name}/manifests/1`)
  const { json } = await list(mirror, '/v2/_catalog')
  assert.deepEqual(json, { repositories: ['ghcr.io/library/box', 'library/box'] })
  await mirror.stop()
  await mirror.restart(['--catalog', 'false'])
  assert.equal((await list(mirror, '/v2/_catalog')).status, 404)
})
