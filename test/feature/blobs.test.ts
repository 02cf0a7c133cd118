import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { heldContent, bytesContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { status } from '../support/scripted-reply.ts'
import { publishedDigests } from '../support/store-invariants.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('blobs', 3 * MIB + 17))
const PATH = `/v2/app/blobs/${blob.digest}`
const GET = `GET library/app/blobs/${blob.digest}`

async function withBlob(...repositories: string[]): Promise<Setting> {
  const setting = await Setting.start()
  for (const name of repositories) setting.upstream.addBlob(name, blob)
  return setting
}

test('a cold blob is passed on while it arrives, and is stored', async () => {
  await using setting = await withBlob('library/app')
  const { upstream, mirror } = setting
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: MIB } } })
  await using response = await mirror.open(PATH)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-length'), String(blob.size))
  assert.equal(response.headers.get('transfer-encoding'), undefined)
  const first = await response.read()
  assert.ok(first)
  assert.ok(first.equals(blob.bytes.subarray(0, first.length)))
  assert.deepEqual(publishedDigests(mirror.folder), [])

  upstream.release()
  const rest = await response.take({ expect: { bytes: blob.bytes, offset: first.length } })
  assert.equal(rest.ending, 'complete')
  await mirror.published(blob.digest)
  assert.deepEqual(publishedDigests(mirror.folder), [blob.digest])
  assert.deepEqual(setting.asked(), [GET])
  assert.ok((await mirror.get(PATH)).body.equals(blob.bytes))
  assert.deepEqual(setting.asked(), [])
})

test('a layer in two repositories is one file and one download', async () => {
  await using setting = await Setting.start()
  const { upstream, mirror } = setting
  const image = buildImage({ seed: 'shared', form: 'oci', architectures: ['arm64'] })
  for (const name of ['library/one', 'library/two']) upstream.addImage(name, '1', image)
  const digests = [...image.blobs.keys()]
  for (const name of ['one', 'two']) {
    assert.equal((await mirror.get(`/v2/${name}/manifests/1`)).status, 200)
    for (const digest of digests) {
      assert.equal((await mirror.get(`/v2/${name}/blobs/${digest}`)).status, 200)
    }
    await mirror.published(...digests)
  }
  assert.deepEqual(
    setting.asked({ path: '/blobs/' }),
    digests.map((digest) => `GET library/one/blobs/${digest}`),
  )
  assert.deepEqual(publishedDigests(mirror.folder), digests.toSorted())
})

test('another repository that has the blob too costs one byte of upstream, once', async () => {
  await using setting = await withBlob('library/app', 'library/other')
  const { mirror } = setting
  await mirror.get(PATH)
  await mirror.published(blob.digest)
  setting.asked()
  for (const _ of [1, 2]) {
    const answer = await mirror.get(`/v2/other/blobs/${blob.digest}`)
    assert.equal(answer.status, 200)
    assert.ok(answer.body.equals(blob.bytes))
  }
  assert.deepEqual(setting.asked(), [`GET library/other/blobs/${blob.digest} bytes=0-0`])
})

test('content on disk is invisible in a repository that does not contain it', async () => {
  await using setting = await withBlob('library/app')
  const { mirror } = setting
  await mirror.get(PATH)
  await mirror.published(blob.digest)
  setting.asked()
  for (const method of ['GET', 'HEAD', 'GET']) {
    const answer = await mirror.ask(method, `/v2/other/blobs/${blob.digest}`)
    assert.equal(answer.status, 404)
    if (method === 'GET') assert.equal(errorCode(answer), 'BLOB_UNKNOWN')
  }
  assert.deepEqual(setting.asked(), [`GET library/other/blobs/${blob.digest} bytes=0-0`])
})

test('a download under way is invisible in a repository that does not contain the blob', async () => {
  await using setting = await withBlob('library/app')
  const { upstream, mirror } = setting
  upstream.script({ method: 'GET', path: '/app/', times: 1, reply: { stall: { after: MIB } } })
  await using running = await mirror.open(PATH)
  await running.read()
  const other = await mirror.get(`/v2/other/blobs/${blob.digest}`)
  assert.equal(other.status, 404)
  upstream.release()
  assert.equal((await running.take()).ending, 'complete')
})

test('a manifest on disk is invisible in a repository that does not contain it', async () => {
  await using setting = await Setting.start()
  const image = buildImage({ seed: 'visibility', form: 'oci', architectures: ['arm64'] })
  const { digest } = image.top
  setting.upstream.addImage('library/app', '1', image)
  await setting.mirror.get('/v2/app/manifests/1')
  setting.asked()
  assert.equal((await setting.mirror.get(`/v2/other/manifests/${digest}`)).status, 404)
  assert.deepEqual(setting.asked(), [`HEAD library/other/manifests/${digest}`])
})

test('an empty blob held for another repository is found in one that has it', async () => {
  await using setting = await Setting.start()
  const empty = bytesContent(Buffer.alloc(0))
  for (const name of ['library/app', 'library/other']) setting.upstream.addBlob(name, empty)
  await setting.mirror.get(`/v2/app/blobs/${empty.digest}`)
  await setting.mirror.published(empty.digest)
  for (const method of ['GET', 'HEAD']) {
    const answer = await setting.mirror.ask(method, `/v2/other/blobs/${empty.digest}`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-length'), '0')
  }
})

test('stored content is served in another repository whose upstream tells no size', async () => {
  await using setting = await withBlob('library/app', 'library/other')
  await setting.mirror.get(PATH)
  await setting.mirror.published(blob.digest)
  const reply = { ignoreRange: true, chunked: true }
  setting.upstream.script({ method: 'GET', reply })
  const get = await setting.mirror.get(`/v2/other/blobs/${blob.digest}`)
  assert.equal(get.status, 200)
  assert.ok(get.body.equals(blob.bytes))
  const head = await setting.mirror.head(`/v2/other/blobs/${blob.digest}`)
  assert.equal(head.status, 200)
  assert.equal(head.headers.get('content-length'), String(blob.size))
})

test('HEAD of a blob whose size a manifest tells asks nobody and downloads nothing', async () => {
  await using setting = await Setting.start()
  const image = buildImage({ seed: 'sizes', form: 'oci', architectures: ['arm64'] })
  setting.upstream.addImage('library/app', '1', image)
  await setting.mirror.get('/v2/app/manifests/1')
  setting.asked()
  for (const [digest, { size }] of image.blobs) {
    const answer = await setting.mirror.head(`/v2/app/blobs/${digest}`)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-length'), String(size))
  }
  assert.deepEqual(setting.asked(), [])
})

test('HEAD of a blob of unknown size costs upstream one byte', async () => {
  await using setting = await withBlob('library/app')
  const answer = await setting.mirror.head(PATH)
  assert.equal(answer.headers.get('content-length'), String(blob.size))
  assert.deepEqual(setting.asked(), [`${GET} bytes=0-0`])
  assert.deepEqual(publishedDigests(setting.mirror.folder), [])
})

test(
  'a blob that upstream does not have is 404, and one request for many within the pause',
  OWN_CLOCK,
  async () => {
    await using setting = await Setting.start()
    for (const method of ['GET', 'HEAD', 'GET']) {
      const answer = await setting.mirror.ask(method, PATH)
      assert.equal(answer.status, 404)
      if (method === 'GET') assert.equal(errorCode(answer), 'BLOB_UNKNOWN')
    }
    assert.deepEqual(setting.asked(), [GET])
    setting.upstream.addBlob('library/app', blob)
    putClockForward(11_000)
    assert.equal((await setting.mirror.get(PATH)).status, 200)
  },
)

test('a blob that one repository misses is still asked for in another', async () => {
  await using setting = await withBlob('library/other')
  assert.equal((await setting.mirror.get(PATH)).status, 404)
  const answer = await setting.mirror.get(`/v2/other/blobs/${blob.digest}`)
  assert.equal(answer.status, 200)
  assert.ok(answer.body.equals(blob.bytes))
})

test('two repositories ask at once and one of the upstreams fails: the other pull succeeds', async () => {
  await using setting = await withBlob('library/app', 'library/other')
  const { upstream, mirror } = setting
  upstream.script({ path: '/library/app/', times: 1, reply: { holdHeaders: true, ...status(403) } })
  const failing = mirror.get(PATH)
  // The one that fails is asked first, so that the other joins its download.
  await setting.upstreamAsked(1)
  const working = mirror.get(`/v2/other/blobs/${blob.digest}`)
  await setting.mirrorRuns(2)
  upstream.release()
  assert.equal((await failing).status, 404)
  const answer = await working
  assert.equal(answer.status, 200)
  assert.ok(answer.body.equals(blob.bytes))
})

test('HEAD of a blob under a running download of the same repository asks nobody', async () => {
  await using setting = await withBlob('library/app')
  const { upstream, mirror } = setting
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: MIB } } })
  await using running = await mirror.open(PATH)
  await running.read()
  const head = await mirror.head(PATH)
  assert.equal(head.headers.get('content-length'), String(blob.size))
  upstream.release()
  assert.equal((await running.take()).ending, 'complete')
  assert.equal(setting.asked().length, 1)
})
