import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { bearerChallenge, htmlPage, status, tooManyRequests } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { REVALIDATE_ALWAYS, Setting, errorCode } from '../support/test-mirror.ts'

const image = buildImage({ seed: 'stale', form: 'oci', architectures: ['arm64'] })
const newer = buildImage({ seed: 'stale, newer', form: 'oci', architectures: ['arm64'] })
const TAG = '/v2/app/manifests/latest'
const UNKNOWN = '/v2/app/manifests/unknown'

async function assertStale(setting: Setting, held: Image): Promise<void> {
  for (const method of ['GET', 'HEAD']) {
    const answer = await setting.mirror.ask(method, TAG)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('docker-content-digest'), held.top.digest)
    assert.match(answer.headers.get('warning') ?? '', /^299 - "[ -~]+"$/)
  }
}

async function pullBlobs({ mirror }: Setting, digests: readonly string[]): Promise<void> {
  for (const digest of digests) {
    assert.equal((await mirror.get(`/v2/app/blobs/${digest}`)).status, 200)
  }
  await mirror.published(...digests)
}

async function pulled(): Promise<Setting> {
  const setting = await Setting.start(REVALIDATE_ALWAYS)
  setting.upstream.addImage('library/app', 'latest', image)
  assert.equal((await setting.mirror.get(TAG)).status, 200)
  await pullBlobs(setting, [...image.blobs.keys()])
  return setting
}

// While the registry behind it restarts.
const INGRESS_404: Reply = {
  status: 404,
  headers: { 'content-type': 'text/plain; charset=utf-8' },
  body: '404 page not found\n',
}

// [what upstream does, its reply, what an unknown tag gets then, and its code]
const TROUBLES: [string, Reply, number, string][] = [
  ['limits the rate', tooManyRequests(60), 503, 'UNAVAILABLE'],
  ['limits the rate and says not for how long', tooManyRequests(), 503, 'UNAVAILABLE'],
  ['answers 500', status(500), 502, 'UNAVAILABLE'],
  ['answers with an HTML page', htmlPage(), 502, 'UNAVAILABLE'],
  ['answers 404 with an HTML page', htmlPage(404), 502, 'UNAVAILABLE'],
  // The one who is known is asked about by GET too, which shows whose word it is.
  ['answers 404 as an ingress does', INGRESS_404, 404, 'MANIFEST_UNKNOWN'],
  ['challenges without end', bearerChallenge('/token', 'x'), 404, 'NAME_UNKNOWN'],
  ['answers 403', status(403), 404, 'NAME_UNKNOWN'],
]

for (const [what, reply, unknown, code] of TROUBLES) {
  test(`upstream ${what}: a known tag is answered as it was, an unknown one is ${unknown}`, async () => {
    await using setting = await pulled()
    const { upstream, mirror } = setting
    const realm = `${upstream.url}/token`
    const { 'www-authenticate': challenge } = reply.headers ?? {}
    const headers =
      challenge == null
        ? reply.headers
        : { ...reply.headers, 'www-authenticate': challenge.replace('/token', realm) }
    upstream.script({ path: '/v2/', reply: { ...reply, ...(headers && { headers }) } })
    await assertStale(setting, image)
    const answer = await mirror.get(UNKNOWN)
    assert.equal(answer.status, unknown)
    assert.equal(errorCode(answer), code)
    assert.equal(answer.headers.get('www-authenticate'), undefined)
    assert.equal(answer.headers.has('retry-after'), unknown === 503)
  })
}

test('upstream is gone: a known tag is answered as it was, an unknown one is 502 to 504', async () => {
  await using setting = await pulled()
  await setting.upstream.close()
  await assertStale(setting, image)
  const answer = await setting.mirror.get(UNKNOWN)
  assert.ok([502, 503, 504].includes(answer.status), `${answer.status}`)
  assert.equal(errorCode(answer), 'UNAVAILABLE')
})

test('upstream is slow: a known tag is answered as it was, and asked for again after', async () => {
  await using setting = await pulled()
  await setting.mirror.restart({ staleAfterMs: 50 })
  setting.upstream.addImage('library/app', 'latest', newer)
  setting.upstream.script({ method: 'HEAD', times: 1, reply: { holdHeaders: true } })
  await assertStale(setting, image)
  setting.upstream.release()
  await setting.mirror.restart({ staleAfterMs: 30_000 })
  const answer = await setting.mirror.get(TAG)
  assert.equal(answer.headers.get('docker-content-digest'), newer.top.digest)
  assert.equal(answer.headers.get('warning'), undefined)
})

test('an unknown tag at a silent upstream is 504', async () => {
  const upstream = { connectTimeoutMs: 1000, headerTimeoutMs: 300, idleTimeoutMs: 1000 }
  await using setting = await Setting.start({ upstream })
  setting.upstream.script({ reply: { holdHeaders: true } })
  const answer = await setting.mirror.get(UNKNOWN)
  assert.equal(answer.status, 504)
  assert.equal(errorCode(answer), 'UNAVAILABLE')
})

test('a retry-after of upstream is passed on with 503', async () => {
  await using setting = await Setting.start()
  setting.upstream.script({ reply: tooManyRequests(120) })
  for (const path of [TAG, UNKNOWN, `/v2/app/blobs/${image.top.digest}`]) {
    const answer = await setting.mirror.get(path)
    assert.equal(answer.status, 503)
    const seconds = Number(answer.headers.get('retry-after'))
    assert.ok(seconds > 60 && seconds <= 120, `${seconds}`)
  }
  // The second did not even ask.
  assert.equal(setting.asked().length, 2)
})

test('with upstream gone a restarted mirror still serves the same pull', async () => {
  await using setting = await pulled()
  await setting.upstream.close()
  await setting.mirror.restart()
  await assertStale(setting, image)
  for (const [digest, { bytes }] of image.manifests) {
    assert.deepEqual((await setting.mirror.get(`/v2/app/manifests/${digest}`)).body, bytes)
  }
  for (const [digest, { size }] of image.blobs) {
    const answer = await setting.mirror.get(`/v2/app/blobs/${digest}`)
    assert.equal(answer.status, 200)
    assert.equal(answer.body.length, size)
  }
})

test('offline: what is held is served and nobody is dialled', async () => {
  await using setting = await pulled()
  await setting.mirror.restart({ offline: true })
  const { connections } = setting.upstream
  setting.asked()
  await assertStale(setting, image)
  for (const digest of image.blobs.keys()) {
    assert.equal((await setting.mirror.get(`/v2/app/blobs/${digest}`)).status, 200)
    assert.equal((await setting.mirror.head(`/v2/app/blobs/${digest}`)).status, 200)
  }
  const unknown = await setting.mirror.get(UNKNOWN)
  assert.equal(unknown.status, 404)
  assert.equal(errorCode(unknown), 'MANIFEST_UNKNOWN')
  for (const path of [
    `/v2/app/manifests/${newer.top.digest}`,
    `/v2/app/blobs/${newer.top.digest}`,
    `/v2/other/manifests/${image.top.digest}`,
    `/v2/other/blobs/${[...image.blobs.keys()][0]}`,
  ]) {
    assert.equal((await setting.mirror.get(path)).status, 404)
    assert.equal((await setting.mirror.head(path)).status, 404)
  }
  assert.deepEqual(setting.asked(), [])
  assert.equal(setting.upstream.connections, connections)
})

test('a tag that moved but cannot be fetched is answered by the image held before', async () => {
  await using setting = await pulled()
  setting.upstream.addImage('library/app', 'latest', newer)
  setting.upstream.script({ method: 'GET', path: newer.top.digest, reply: status(500) })
  const answer = await setting.mirror.get(TAG)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('docker-content-digest'), image.top.digest)
  assert.ok(answer.headers.has('warning'))
})

test('without upstream the last whole image counts, and a newer one once it is whole', async () => {
  await using setting = await pulled()
  const { upstream, mirror } = setting
  upstream.addImage('library/app', 'latest', newer)
  const moved = await mirror.get(TAG)
  assert.equal(moved.headers.get('docker-content-digest'), newer.top.digest)

  // Of the newer one only the manifest is here.
  upstream.script({ method: 'HEAD', reply: status(403) })
  await assertStale(setting, image)

  await pullBlobs(setting, [...newer.blobs.keys()])
  await assertStale(setting, newer)
})

test('an index is whole when one platform is, the platform that was whole before', async () => {
  const both = buildImage({ seed: 'both', form: 'oci' })
  const later = buildImage({ seed: 'both, later', form: 'oci' })
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  const { upstream, mirror } = setting
  const pullPlatform = async (from: typeof both, n: number): Promise<void> => {
    const platform = from.platforms[n]
    assert.ok(platform)
    assert.equal((await mirror.get(`/v2/app/manifests/${platform.manifest.digest}`)).status, 200)
    const blobs = [platform.config, ...platform.layers]
    await pullBlobs(
      setting,
      blobs.map(({ digest }) => digest),
    )
  }
  upstream.addImage('library/app', 'latest', both)
  await mirror.get(TAG)
  await pullPlatform(both, 0)
  upstream.addImage('library/app', 'latest', later)
  await mirror.get(TAG)
  await pullPlatform(later, 1)
  upstream.script({ method: 'HEAD', reply: status(403) })
  await assertStale(setting, both)
  await pullPlatform(later, 0)
  await assertStale(setting, later)
})
