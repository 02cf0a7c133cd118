import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { HEAD_REFUSED, digestHeader } from '../support/scripted-reply.ts'
import { ON_BINARY } from '../support/packaged-mirror.ts'
import { REVALIDATE_ALWAYS, Setting, errorCode } from '../support/test-mirror.ts'

const older = buildImage({ seed: 'older', form: 'oci', architectures: ['arm64'] })
const newer = buildImage({ seed: 'newer', form: 'docker', architectures: ['arm64'] })
const TAG = '/v2/app/manifests/latest'
const HEAD = 'HEAD library/app/manifests/latest'
const getOf = (image: Image) => `GET library/app/manifests/${image.top.digest}`

async function pullOf(setting: Setting, image: Image): Promise<void> {
  const answer = await setting.mirror.get(TAG)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('docker-content-digest'), image.top.digest)
  assert.equal(answer.headers.get('warning'), undefined)
  assert.deepEqual(answer.body, image.manifests.get(image.top.digest)?.bytes)
}

test('a first pull is one HEAD for the tag and one GET by digest', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', older)
  await pullOf(setting, older)
  assert.deepEqual(setting.asked(), [HEAD, getOf(older)])
})

test('while the tag is fresh a whole pull asks upstream nothing', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', older)
  const blobs = [...older.blobs.keys()].map((digest) => `/v2/app/blobs/${digest}`)
  await pullOf(setting, older)
  for (const path of blobs) assert.equal((await setting.mirror.get(path)).status, 200)
  setting.asked()
  assert.equal((await setting.mirror.head(TAG)).status, 200)
  await pullOf(setting, older)
  for (const path of [`/v2/app/manifests/${older.top.digest}`, ...blobs]) {
    assert.equal((await setting.mirror.head(path)).status, 200)
    assert.equal((await setting.mirror.get(path)).status, 200)
  }
  assert.deepEqual(setting.asked(), [])
})

test('a revalidation is exactly one HEAD, and makes the tag fresh again', OWN_CLOCK, async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', older)
  await pullOf(setting, older)
  setting.asked()
  putClockForward(2 * 3_600_000)
  await pullOf(setting, older)
  assert.deepEqual(setting.asked(), [HEAD])
  await pullOf(setting, older)
  assert.deepEqual(setting.asked(), [])
})

test('a tag that moved is one HEAD and one GET by digest', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  setting.upstream.addImage('library/app', 'latest', older)
  await pullOf(setting, older)
  setting.upstream.addImage('library/app', 'latest', newer)
  setting.asked()
  await pullOf(setting, newer)
  assert.deepEqual(setting.asked(), [HEAD, getOf(newer)])
  const before = await setting.mirror.get(`/v2/app/manifests/${older.top.digest}`)
  assert.equal(before.status, 200)
})

test('a tag that moved to a digest already held is one HEAD and no GET', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  setting.upstream.addImage('library/app', 'latest', older)
  await pullOf(setting, older)
  setting.upstream.addImage('library/app', 'latest', newer)
  await pullOf(setting, newer)
  setting.upstream.tag('library/app', 'latest', older.top.digest)
  setting.asked()
  await pullOf(setting, older)
  assert.deepEqual(setting.asked(), [HEAD])
})

test('HEAD of a tag that is not held costs no GET, however often it moves', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  for (const image of [older, newer]) {
    setting.upstream.addImage('library/app', 'latest', image)
    const answer = await setting.mirror.head(TAG)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('docker-content-digest'), image.top.digest)
    assert.equal(answer.headers.get('content-type'), image.top.mediaType)
    assert.equal(answer.headers.get('content-length'), String(image.top.size))
    assert.deepEqual(setting.asked(), [HEAD])
  }
})

test('a registry whose HEAD names no digest is asked by GET of the tag', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', older)
  setting.upstream.script({ method: 'HEAD', reply: digestHeader(null) })
  await pullOf(setting, older)
  assert.deepEqual(setting.asked(), [HEAD, 'GET library/app/manifests/latest'])
  await pullOf(setting, older)
  assert.deepEqual(setting.asked(), [])
})

test('a registry that refuses HEAD is asked by GET', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', older)
  setting.upstream.script(HEAD_REFUSED)
  await pullOf(setting, older)
  setting.asked()
  await pullOf(setting, older)
  assert.deepEqual(setting.asked(), [])
})

// From outside, a connection is seen before its request has arrived.
const COUNTED = { skip: ON_BINARY && 'waits until all requests are in the mirror' }

test('many who ask for one tag at once are one HEAD and one GET', COUNTED, async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  setting.upstream.addImage('library/app', 'latest', older)
  setting.upstream.script({ method: 'HEAD', times: 1, reply: { holdHeaders: true } })
  const pulls = Array.from({ length: 20 }, () => pullOf(setting, older))
  await setting.mirrorRuns(20)
  await setting.upstreamAsked(1)
  // The index answers in order: once a later pull has its answer, all of these have theirs.
  assert.equal((await setting.mirror.get('/v2/app/manifests/none')).status, 404)
  setting.upstream.release()
  await Promise.all(pulls)
  const asked = setting.asked().filter((line) => !line.endsWith('/none'))
  assert.deepEqual(asked, [HEAD, getOf(older)])
})

test(
  'a tag that upstream does not have is 404, and one request for many within the pause',
  OWN_CLOCK,
  async () => {
    await using setting = await Setting.start()
    setting.upstream.addImage('library/app', 'other', older)
    for (const method of ['GET', 'HEAD', 'GET']) {
      const answer = await setting.mirror.ask(method, TAG)
      assert.equal(answer.status, 404)
      if (method === 'GET') assert.equal(errorCode(answer), 'MANIFEST_UNKNOWN')
    }
    assert.deepEqual(setting.asked(), [HEAD])
    setting.upstream.addImage('library/app', 'latest', older)
    putClockForward(31_000)
    await pullOf(setting, older)
  },
)

test(
  'a manifest that upstream does not have is one request for many within the pause',
  OWN_CLOCK,
  async () => {
    await using setting = await Setting.start()
    const path = `/v2/app/manifests/${older.top.digest}`
    for (const _ of [1, 2, 3]) assert.equal((await setting.mirror.get(path)).status, 404)
    assert.deepEqual(setting.asked(), [getOf(older)])
    setting.upstream.addImage('library/app', 'latest', older)
    putClockForward(11_000)
    assert.equal((await setting.mirror.get(path)).status, 200)
  },
)

test('a tag that was deleted upstream is 404; its digest is still served', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  setting.upstream.addImage('library/app', 'latest', older)
  await pullOf(setting, older)
  setting.upstream.tag('library/app', 'latest', undefined)
  const answer = await setting.mirror.get(TAG)
  assert.equal(answer.status, 404)
  assert.equal(errorCode(answer), 'MANIFEST_UNKNOWN')
  const held = await setting.mirror.get(`/v2/app/manifests/${older.top.digest}`)
  assert.equal(held.status, 200)
})

test('upstream is always sent the same Accept, and never asked to compress', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', older)
  await setting.mirror.get(TAG, { accept: 'application/json', 'accept-encoding': 'gzip' })
  const [head] = setting.upstream.log.find({ method: 'HEAD' })
  assert.match(String(head?.headers['accept']), /oci\.image\.index.*manifest\.list\.v2/)
  assert.equal(head?.headers['accept-encoding'], 'identity')
})

test("a client's credentials never reach upstream", async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', 'latest', older)
  await setting.mirror.get(TAG, { authorization: 'Basic c2VjcmV0', cookie: 'secret' })
  for (const { headers } of setting.upstream.log.all) {
    assert.equal(headers['authorization'], undefined)
    assert.equal(headers['cookie'], undefined)
  }
})
