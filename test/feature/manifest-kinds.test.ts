import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../src/lib/within.ts'
import { bytesContent, sha256 } from '../support/content.ts'
import { MEDIA_TYPES, buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { REVALIDATE_ALWAYS, Setting } from '../support/test-mirror.ts'

const image = buildImage({ seed: 'kinds', form: 'oci', architectures: ['amd64'] })
const { top } = image
const layers = image.platforms[0]?.layers ?? []
const TAG = '/v2/app/manifests/latest'
const MANIFEST = `/v2/app/manifests/${top.digest}`
const AS_BLOB = `/v2/app/blobs/${top.digest}`

async function withImage(changes = {}): Promise<Setting> {
  const setting = await Setting.start(changes)
  setting.upstream.addImage('library/app', 'latest', image)
  return setting
}

// As `buildx --cache-to type=registry` without image-manifest pushes it.
function cacheOf({ blobs }: Image): Image {
  const mediaType = MEDIA_TYPES.oci.index
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: layers }))
  const cache = { mediaType, digest: sha256(bytes), size: bytes.length }
  const manifests = new Map([[cache.digest, { mediaType, bytes }]])
  return { top: cache, platforms: [], manifests, blobs }
}

async function assertLayers({ mirror }: Setting): Promise<void> {
  for (const { digest, size } of layers) {
    const path = `/v2/app/blobs/${digest}`
    const head = await mirror.head(path)
    assert.deepEqual([head.status, head.headers.get('content-length')], [200, String(size)])
    const { status, body } = await mirror.get(path)
    assert.deepEqual([status, sha256(body)], [200, digest])
  }
}

for (const [first, second] of [
  ['cache', 'latest'],
  ['latest', 'cache'],
]) {
  test(`layers that an index lists are served as blobs: ${first}, then ${second}`, async () => {
    await using setting = await withImage()
    setting.upstream.addImage('library/app', 'cache', cacheOf(image))
    for (const tag of [first, second]) {
      assert.equal((await setting.mirror.get(`/v2/app/manifests/${tag}`)).status, 200)
      await assertLayers(setting)
    }
    await setting.mirror.restart({ offline: true })
    await assertLayers(setting)
  })
}

for (const method of ['HEAD', 'GET']) {
  test(`a manifest that was asked for as a blob by ${method} stays a manifest`, async () => {
    await using setting = await withImage()
    const { mirror, upstream } = setting
    const bytes = image.manifests.get(top.digest)?.bytes
    assert.ok(bytes)
    upstream.addBlob('library/app', bytesContent(bytes))
    assert.equal((await mirror.ask(method, AS_BLOB)).status, 200)
    if (method === 'GET') await mirror.published(top.digest)
    assert.ok((await mirror.get(MANIFEST)).body.equals(bytes))
    assert.ok((await mirror.get(TAG)).body.equals(bytes))
    setting.asked()
    for (const path of [MANIFEST, TAG]) assert.ok((await mirror.get(path)).body.equals(bytes))
    assert.deepEqual(setting.asked(), [])
    await mirror.restart({ offline: true })
    for (const path of [MANIFEST, TAG]) assert.ok((await mirror.get(path)).body.equals(bytes))
  })
}

for (const length of ['0', '5']) {
  test(`HEAD of a held tag tells what GET brings where upstream tells ${length} bytes`, async () => {
    await using setting = await withImage(REVALIDATE_ALWAYS)
    const { mirror, upstream } = setting
    const headers = { 'content-length': length }
    upstream.script({ method: 'HEAD', path: '/manifests/', reply: { headers } })
    const got = await mirror.get(TAG)
    assert.equal(got.headers.get('content-length'), String(top.size))
    for (const path of [TAG, MANIFEST]) {
      const { status, headers: told } = await mirror.head(path)
      assert.equal(status, 200)
      for (const name of ['content-length', 'content-type', 'docker-content-digest', 'etag']) {
        assert.equal(told.get(name), got.headers.get(name), name)
      }
    }
  })
}

test('HEAD of a tag that is not held yet does not repeat an upstream that tells 0 bytes', async () => {
  await using setting = await withImage()
  const reply = { headers: { 'content-length': '0' } }
  setting.upstream.script({ method: 'HEAD', path: '/manifests/', reply })
  const { headers } = await setting.mirror.head(TAG)
  assert.equal(headers.get('content-length'), String(top.size))
  assert.equal(headers.get('docker-content-digest'), top.digest)
})

test('beside an ns a first component with a dot is part of the repository', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('my.group/app', 'latest', image)
  const answer = await setting.mirror.get('/v2/my.group/app/manifests/latest?ns=ghcr.io')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('oci-namespace'), 'ghcr.io')
  assert.deepEqual(setting.asked(), [
    'HEAD my.group/app/manifests/latest',
    `GET my.group/app/manifests/${top.digest}`,
  ])
  // Without one it is a registry, and none that is served.
  assert.equal((await setting.mirror.get('/v2/my.group/app/manifests/latest')).status, 404)
})

for (const [what, headers, status] of [
  ['a range that cannot be satisfied', { range: 'bytes=99999999-' }, 416],
  ['what the client has already', { 'if-none-match': `"${layers[0]?.digest}"` }, 304],
] as const) {
  test(`the line about a pull comes although it asked for ${what}`, async () => {
    await using setting = await withImage()
    const { mirror } = setting
    const path = `/v2/app/blobs/${layers[0]?.digest}`
    assert.equal((await mirror.get(path)).status, 200)
    assert.equal((await mirror.get(path, headers)).status, status)
    assert.notEqual(await within(15_000, mirror.logged(/^pulled docker\.io\/library\/app/)), 'slow')
  })
}
