import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { bytesContent, heldContent, seededContent, sha256 } from '../support/content.ts'
import { MEDIA_TYPES, buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { bearerChallenge, digestHeader, htmlPage } from '../support/scripted-reply.ts'
import { status, tooManyRequests } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { publishedDigests, stagedNames } from '../support/store-invariants.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('wrong', MIB + 77))
const PATH = `/v2/app/blobs/${blob.digest}`
const TAG = '/v2/app/manifests/1'
const image = imageWith(blob.size)

// Its descriptor says that the blob has so many bytes.
function imageWith(size: number): Image {
  const { index: _, manifest: mediaType } = MEDIA_TYPES.oci
  const layer = { mediaType: MEDIA_TYPES.oci.plainLayer, digest: blob.digest, size }
  const config = { ...layer, mediaType: MEDIA_TYPES.oci.config }
  const manifest = { schemaVersion: 2, mediaType, config, layers: [layer] }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const top = { mediaType, digest: sha256(bytes), size: bytes.length }
  const blobs = new Map([[blob.digest, blob]])
  return { top, platforms: [], manifests: new Map([[top.digest, { mediaType, bytes }]]), blobs }
}

async function start(described: Image | undefined): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addBlob('library/app', blob)
  if (described) {
    setting.upstream.addImage('library/app', '1', described)
    assert.equal((await setting.mirror.get(TAG)).status, 200)
  }
  setting.asked()
  return setting
}

async function assertNothingWhole(setting: Setting): Promise<void> {
  await using response = await setting.mirror.open(PATH)
  if (response.status === 200) {
    const taken = await response.take()
    assert.equal(taken.ending, 'fin')
    assert.ok(taken.bytes < blob.size)
  } else assert.equal(response.status, 502)
  await setting.mirror.logged(/could not be fetched/)
  assert.deepEqual(publishedDigests(setting.mirror.folder), [])
  assert.deepEqual(stagedNames(setting.mirror.folder), [])
}

// [what upstream does, its reply, whether a descriptor names the size, its requests]
const WRONG: [string, Reply, Image | undefined][] = [
  ['one wrong byte', { flip: 1000 }, image],
  ['one wrong byte, the last', { flip: blob.size - 1 }, image],
  ['one wrong byte, and no descriptor', { flip: 1000 }, undefined],
  ['a short body that ends in good order, and no descriptor', { short: 500_000 }, undefined],
  ['another length than the descriptor names', { status: 200, body: 'x'.repeat(99) }, image],
  ['a longer body than the descriptor names', {}, imageWith(blob.size - 1)],
  ['a shorter body than the descriptor names', {}, imageWith(blob.size + 1)],
  ['a longer chunked body than the descriptor names', { chunked: true }, imageWith(1000)],
  ['gzip of wrong bytes', { gzip: true, flip: 5 }, image],
]

for (const [what, reply, described] of WRONG) {
  test(`${what}: nobody gets it whole, nothing is stored, and it is asked for once`, async () => {
    await using setting = await start(described)
    setting.upstream.script({ path: '/blobs/', reply })
    await assertNothingWhole(setting)
    assert.equal(setting.asked().length, 1)
    const again = await setting.mirror.get(PATH)
    assert.equal(again.status, 502)
    assert.equal(errorCode(again), 'UNAVAILABLE')
    assert.deepEqual(setting.asked(), [])
  })
}

test('after the pause of a wrong blob the next pull works', OWN_CLOCK, async () => {
  await using setting = await start(image)
  setting.upstream.script({ path: '/blobs/', times: 1, reply: { flip: 7 } })
  await assertNothingWhole(setting)
  putClockForward(11_000)
  assert.ok((await setting.mirror.get(PATH)).body.equals(blob.bytes))
  assert.equal(setting.asked().length, 2)
})

test('wrong bytes: none of many clients gets the blob whole', async () => {
  await using setting = await start(image)
  const reply = { flip: 7, holdHeaders: true }
  setting.upstream.script({ path: '/blobs/', times: 1, reply })
  const pulls = Array.from({ length: 10 }, () => setting.mirror.get(PATH))
  await setting.mirrorRuns(10)
  await setting.upstreamAsked(1)
  setting.upstream.release()
  for (const answer of await Promise.all(pulls)) {
    assert.ok(answer.status === 502 || answer.ending === 'fin')
  }
  assert.equal(setting.asked().length, 1)
})

// [what upstream does, its reply, a descriptor, status for the client, requests]
const REFUSED: [string, Reply, number, string, number][] = [
  ['an HTML page under 200', htmlPage(), 502, 'UNAVAILABLE', 1],
  ['an HTML page under 404', htmlPage(404), 502, 'UNAVAILABLE', 1],
  ['404', status(404), 404, 'BLOB_UNKNOWN', 1],
  ['403', status(403), 404, 'NAME_UNKNOWN', 1],
  ['429', tooManyRequests(60), 503, 'UNAVAILABLE', 1],
  ['an unknown encoding', { headers: { 'content-encoding': 'rot13' } }, 502, 'UNAVAILABLE', 1],
]

for (const [what, reply, code, word, requests] of REFUSED) {
  test(`${what} for a blob is ${code} ${word} before any byte, and stores nothing`, async () => {
    await using setting = await start(image)
    setting.upstream.script({ path: '/blobs/', reply })
    const answer = await setting.mirror.get(PATH)
    assert.equal(answer.status, code)
    assert.equal(errorCode(answer), word)
    assert.equal(answer.headers.has('retry-after'), code === 503)
    assert.equal(setting.asked().length, requests)
    await setting.mirror.logged(/could not be fetched| missing$/)
    assert.deepEqual(publishedDigests(setting.mirror.folder), [])
    assert.deepEqual(stagedNames(setting.mirror.folder), [])
  })
}

test('a token is asked for once for each challenge, not without end', async () => {
  await using setting = await start(image)
  const reply = bearerChallenge(`${setting.upstream.url}/token`, 'repository:library/app:pull')
  setting.upstream.script({ path: '/blobs/', reply })
  const answer = await setting.mirror.get(PATH)
  assert.equal(answer.status, 404)
  assert.equal(answer.headers.get('www-authenticate'), undefined)
  assert.ok(setting.asked().length <= 5)
  assert.deepEqual(publishedDigests(setting.mirror.folder), [])
})

// [what upstream does, its reply to the first GET, a descriptor, its requests]
const RIGHT: [string, Reply, Image | undefined, number][] = [
  ['gzip encoding that nobody asked for', { gzip: true }, image, 1],
  ['gzip encoding, and no descriptor', { gzip: true }, undefined, 1],
  ['no Content-Length', { chunked: true }, image, 1],
  ['no Content-Length, and no descriptor', { chunked: true }, undefined, 1],
  ['a short body that ends in good order', { short: 500_000 }, image, 2],
  ['a wrong digest header', digestHeader(`sha256:${'1'.repeat(64)}`), image, 1],
  ['no digest header', digestHeader(null), image, 1],
]

for (const [what, reply, described, requests] of RIGHT) {
  test(`${what}: the client gets the right bytes all the same, and they are stored`, async () => {
    await using setting = await start(described)
    setting.upstream.script({ path: '/blobs/', times: 1, reply })
    const answer = await setting.mirror.get(PATH)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-length'), String(blob.size))
    assert.equal(answer.headers.get('content-encoding'), undefined)
    assert.equal(answer.headers.get('docker-content-digest'), blob.digest)
    assert.ok(answer.body.equals(blob.bytes))
    assert.equal(setting.asked().length, requests)
    await setting.mirror.published(blob.digest)
    assert.deepEqual(publishedDigests(setting.mirror.folder), [blob.digest])
  })
}

const GOOD = buildImage({ seed: 'wrong manifests', form: 'oci', architectures: ['arm64'] })
const schema1 = Buffer.from('{"schemaVersion":1,"name":"x","fsLayers":[]}')
const SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

// [what upstream does, its reply to GET, status for the client]
const MANIFESTS: [string, Reply, number][] = [
  ['wrong bytes', { flip: 40 }, 502],
  ['other JSON', { status: 200, body: '{}' }, 502],
  ['a short body that ends in good order', { short: 20 }, 502],
  ['an HTML page under 200', htmlPage(), 502],
  ['a page under a good media type', { body: '<html>' }, 502],
  ['another media type than the manifest', mediaType(MEDIA_TYPES.docker.index), 502],
  ['schema 1', { ...mediaType(SCHEMA1), body: schema1 }, 404],
  ['text/plain for a media type', mediaType('text/plain'), 200],
  ['application/json; charset=utf-8', mediaType('application/json; charset=utf-8'), 200],
  ['no media type', { headers: { 'content-type': null } }, 200],
  ['gzip encoding that nobody asked for', { gzip: true }, 200],
  ['no Content-Length', { chunked: true }, 200],
  ['a wrong digest header', digestHeader(`sha256:${'1'.repeat(64)}`), 200],
  ['no digest header', digestHeader(null), 200],
]

function mediaType(type: string): Reply {
  return { headers: { 'content-type': type } }
}

for (const [what, reply, code] of MANIFESTS) {
  test(`${what} for a manifest is ${code}`, async () => {
    await using setting = await Setting.start()
    setting.upstream.addImage('library/app', '1', GOOD)
    setting.upstream.script({ method: 'GET', times: 1, reply })
    const path = `/v2/app/manifests/${GOOD.top.digest}`
    const answer = await setting.mirror.get(path)
    assert.equal(answer.status, code)
    assert.equal(setting.asked().length, 1)
    if (code === 200) {
      assert.equal(answer.headers.get('content-type'), GOOD.top.mediaType)
      assert.equal(answer.headers.get('docker-content-digest'), GOOD.top.digest)
      assert.deepEqual(answer.body, GOOD.manifests.get(GOOD.top.digest)?.bytes)
    } else {
      // Nothing of it was kept: the next pull asks again and is right.
      const again = await setting.mirror.get(path)
      assert.equal(again.status, 200)
      assert.deepEqual(again.body, GOOD.manifests.get(GOOD.top.digest)?.bytes)
    }
  })
}

test('a digest in the header of HEAD that does not exist gives way to the bytes of the tag', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', '1', GOOD)
  const other = bytesContent(Buffer.from('other')).digest
  setting.upstream.script({ method: 'HEAD', reply: digestHeader(other) })
  const answer = await setting.mirror.get(TAG)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('docker-content-digest'), GOOD.top.digest)
  assert.equal(setting.asked().length, 3)
})

test('wrong bytes for the digest of a tag are asked for once more, by the tag', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', '1', GOOD)
  setting.upstream.script({ method: 'GET', times: 1, reply: { flip: 40 } })
  const answer = await setting.mirror.get(TAG)
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, GOOD.manifests.get(GOOD.top.digest)?.bytes)
})
