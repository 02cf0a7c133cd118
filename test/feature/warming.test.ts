// What filling the store ahead of time asks of upstream, and what it leaves for pulls.
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { test } from 'node:test'
import { IntegrityError, RequestError, StoreError, UpstreamError } from '../../src/errors.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { LookedAt } from '../../src/mirror/warm-port.ts'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { digestHeader, status, tooManyRequests } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { publishedPath } from '../support/store-invariants.ts'
import { REVALIDATE_ALWAYS } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'
import {
  descriptorOf,
  digestNamed,
  readAll,
  tagNamed,
  WarmingSetting,
} from '../support/warming-setting.ts'

const MIB = 2 ** 20
const USERNAME = 'robot'
const PASSWORD = 'robots-own-word'
const image = buildImage({ seed: 'warming', form: 'oci' })
const newer = buildImage({ seed: 'warming, newer', form: 'oci' })
const blob = heldContent(seededContent('warming', 2 * MIB))
const TAG = tagNamed('1')

async function settingWithImage(): Promise<WarmingSetting> {
  const setting = await WarmingSetting.start()
  setting.upstream.addImage('team/app', '1', image)
  setting.upstream.addBlob('team/app', blob)
  return setting
}

// ghcr.io with a login, which these repositories need.
async function settingWithLogin(...names: string[]): Promise<WarmingSetting> {
  const setting = await settingWithImage()
  const { upstream } = setting
  upstream.login = { username: USERNAME, password: PASSWORD }
  for (const name of names) {
    upstream.addImage(name, '1', image)
    upstream.needLogin.add(name)
  }
  const credentials = {
    kind: 'login',
    username: USERNAME,
    password: new Secret(PASSWORD),
  } as const
  await setting.reopen({ registries: { 'ghcr.io': { endpoints: [upstream.url], credentials } } })
  return setting
}

test('a HEAD tells what a tag points to, pulls then find it fresh, and nothing is fetched', async () => {
  await using setting = await settingWithImage()
  const { warm, mirror } = setting
  const repository = setting.repository('ghcr.io/team/app')
  const heads = await Promise.all([warm.head(repository, TAG), warm.head(repository, TAG)])
  for (const head of heads) assert.equal(head?.digest, image.top.digest)
  assert.equal(heads[0]?.sizeBytes, image.top.size)
  assert.equal((await warm.knownTag(repository, TAG))?.digest, image.top.digest)
  assert.deepEqual(setting.asked(), ['HEAD team/app/manifests/1'])

  const pulled = await mirror.manifest(repository, { tag: TAG }, 'bytes')
  assert.equal(pulled?.digest, image.top.digest)
  assert.deepEqual(setting.asked(), [`GET team/app/manifests/${image.top.digest}`])
})

test('a tag that upstream does not name is not forgotten, and no GET is spent on it', async () => {
  await using setting = await settingWithImage()
  const { warm, upstream } = setting
  const repository = setting.repository('ghcr.io/team/app')
  await warm.head(repository, TAG)
  upstream.tag('team/app', '1', undefined)
  setting.asked()
  assert.equal(await warm.head(repository, TAG), undefined)
  assert.equal((await warm.knownTag(repository, TAG))?.digest, image.top.digest)
  assert.deepEqual(setting.asked(), ['HEAD team/app/manifests/1'])
})

test('a HEAD without a digest moves no tag; the GET does', async () => {
  await using setting = await settingWithImage()
  const { warm, upstream } = setting
  upstream.script({ method: 'HEAD', reply: digestHeader(null) })
  const repository = setting.repository('ghcr.io/team/app')
  assert.equal((await warm.head(repository, TAG))?.digest, undefined)
  assert.equal((await warm.knownTag(repository, TAG))?.digest, undefined)
  const brought = await warm.manifest(repository, { tag: TAG })
  assert.equal(brought?.manifest.digest, image.top.digest)
  assert.equal(brought.asked, true)
  assert.equal((await warm.knownTag(repository, TAG))?.digest, image.top.digest)
  assert.deepEqual(setting.asked(), ['HEAD team/app/manifests/1', 'GET team/app/manifests/1'])
})

test('what is new at a public mirror is asked of the origin before the tag moves', async () => {
  await using origin = await ScriptedUpstream.start()
  await using copy = await ScriptedUpstream.start()
  await using setting = await WarmingSetting.start({
    registries: { 'ghcr.io': { endpoints: [copy.url, origin.url] } },
  })
  const repository = setting.repository('ghcr.io/team/app')
  for (const each of [origin, copy]) each.addImage('team/app', '1', newer)
  await setting.warm.head(repository, TAG)
  copy.addImage('team/app', '1', image)
  assert.equal((await setting.warm.head(repository, TAG))?.digest, newer.top.digest)
  assert.equal((await setting.warm.knownTag(repository, TAG))?.digest, newer.top.digest)
})

test('a manifest that is held costs nothing more, in the repository that it was fetched from', async () => {
  await using setting = await settingWithImage()
  const { warm } = setting
  const repository = setting.repository('ghcr.io/team/app')
  const digest = digestNamed(image.top.digest)
  assert.equal(await warm.heldManifest(repository, digest), undefined)
  assert.equal((await warm.manifest(repository, { digest }))?.asked, true)
  assert.equal((await warm.manifest(repository, { digest }))?.asked, false)
  assert.equal((await warm.heldManifest(repository, digest))?.digest, digest)
  assert.deepEqual(setting.asked(), [`GET team/app/manifests/${digest}`])

  await setting.mirror.flushUses()
  assert.deepEqual(setting.used, [], 'nobody has used it')
  await setting.mirror.manifest(repository, { digest }, 'bytes')
  await setting.mirror.flushUses()
  assert.deepEqual(setting.used, [digest], 'now somebody has')
})

test('the list of tags is asked now, and is what clients are told without upstream', async () => {
  await using setting = await settingWithImage()
  const { warm, upstream } = setting
  const repository = setting.repository('ghcr.io/team/app')
  assert.deepEqual((await warm.tags(repository))?.tags, ['1'])
  upstream.tag('team/app', '2', image.top.digest)
  assert.deepEqual(await warm.tags(repository), { tags: ['1', '2'], isCut: false })
  assert.equal(await warm.tags(setting.repository('ghcr.io/team/none')), undefined)
  await setting.reopen({ offline: true })
  assert.deepEqual((await setting.mirror.tags(repository))?.entries, ['1', '2'])
})

test('a blob is downloaded with nobody reading, told as it comes, and is not asked for again', async () => {
  await using setting = await settingWithImage()
  let arrived = 0
  const counting = { arrived: (bytes: number) => void (arrived += bytes) }
  const first = await setting.storeBlob('ghcr.io/team/app', blob, counting)
  assert.deepEqual(first, { how: 'fetched', bytes: blob.size })
  assert.equal(arrived, blob.size)
  assert.deepEqual(await setting.storeBlob('ghcr.io/team/app', blob), { how: 'held' })
  assert.equal(arrived, blob.size)
  assert.deepEqual(setting.asked(), [`GET team/app/blobs/${blob.digest}`])
  await setting.reopen({ offline: true })
  assert.ok((await setting.pull('ghcr.io/team/app', blob.digest)).equals(blob.bytes))
})

test('runs and pulls of the same blob share one download', async () => {
  await using setting = await settingWithImage()
  const stored = [
    setting.storeBlob('ghcr.io/team/app', blob),
    setting.storeBlob('ghcr.io/team/app', blob),
  ]
  const pulled = await setting.pull('ghcr.io/team/app', blob.digest)
  assert.ok(pulled.equals(blob.bytes))
  await Promise.all(stored)
  assert.deepEqual(setting.asked(), [`GET team/app/blobs/${blob.digest}`])
})

test('a run that stops parks its download at once, and the next one fetches only the rest', async () => {
  await using setting = await settingWithImage()
  const { upstream } = setting
  const kept = MIB + 100_000
  upstream.script({ path: blob.digest, times: 1, reply: { stall: { after: kept } } })
  const stopping = new AbortController()
  let arrived = 0
  const stored = setting.storeBlob('ghcr.io/team/app', blob, {
    signal: stopping.signal,
    arrived: (bytes) => void (arrived += bytes),
  })
  await waitUntil(() => arrived === kept, { what: 'what comes before the stall', everyMs: 1 })
  stopping.abort(new Error('it is late'))
  await assert.rejects(stored, /it is late/)
  assert.equal(setting.mirror.isDownloading, false, 'out of the way when that is told')

  const rest = await setting.storeBlob('ghcr.io/team/app', blob)
  assert.deepEqual(rest, { how: 'fetched', bytes: blob.size - kept })
  const path = `GET team/app/blobs/${blob.digest}`
  assert.deepEqual(setting.asked(), [path, `${path} bytes=${kept}-${blob.size - 1}`])
})

test('a client that reads goes on when the run that began the download stops', async () => {
  await using setting = await settingWithImage()
  const { upstream } = setting
  upstream.script({ path: blob.digest, times: 1, reply: { stall: { after: MIB } } })
  const stopping = new AbortController()
  const arrived = Promise.withResolvers<void>()
  const stored = setting.storeBlob('ghcr.io/team/app', blob, {
    signal: stopping.signal,
    arrived: () => arrived.resolve(),
  })
  await arrived.promise
  const repository = setting.repository('ghcr.io/team/app')
  const answer = await setting.mirror.blob(repository, digestNamed(blob.digest))
  assert.equal(answer?.how, 'join')
  const pulled = readAll(answer.source(undefined))
  stopping.abort(new Error('it is late'))
  await assert.rejects(stored, /it is late/)
  upstream.release()
  assert.ok((await pulled).equals(blob.bytes))
  assert.equal(setting.asked().length, 1)
})

test('a download that clients have left goes on for a run, whatever becomes of abandoned ones', async () => {
  await using setting = await settingWithImage()
  await setting.reopen({ abandoned: 'park' })
  const { upstream, mirror } = setting
  upstream.script({ path: blob.digest, times: 1, reply: { stall: { after: MIB } } })
  const repository = setting.repository('ghcr.io/team/app')
  const answer = await mirror.blob(repository, digestNamed(blob.digest))
  const stored = setting.storeBlob('ghcr.io/team/app', blob)
  await waitUntil(() => upstream.log.all[0]?.bytes === MIB, { what: 'the stall', everyMs: 1 })
  answer?.dismiss()
  upstream.release()
  assert.equal((await stored).how, 'fetched')
  assert.equal(setting.asked().length, 1)
})

test('what upstream does not have is told as missing, also of another repository that was asked first', async () => {
  await using setting = await settingWithImage()
  const { upstream } = setting
  upstream.addImage('team/other', '1', newer)
  assert.deepEqual(await setting.storeBlob('ghcr.io/team/other', blob), { how: 'missing' })
  setting.asked()

  const held = seededContent('held back', 1000)
  upstream.addBlob('team/app', held)
  upstream.script({
    path: `other/blobs/${held.digest}`,
    times: 1,
    reply: { ...status(404), holdHeaders: true },
  })
  const other = setting.storeBlob('ghcr.io/team/other', held)
  await waitUntil(() => upstream.log.all.length === 1, { what: 'the first request', everyMs: 1 })
  const own = setting.storeBlob('ghcr.io/team/app', held)
  upstream.release()
  assert.deepEqual(await other, { how: 'missing' })
  assert.deepEqual(await own, { how: 'fetched', bytes: 1000 })
})

test('what another repository brought is asked for here by one probe, and then no more', async () => {
  await using setting = await settingWithLogin('team/app', 'team/other')
  const { warm } = setting
  const other = setting.repository('ghcr.io/team/other')
  const [platform] = image.platforms
  const layer = platform?.layers[0]
  assert.ok(platform && layer)
  await setting.storeBlob('ghcr.io/team/app', layer)
  await warm.manifest(other, { digest: digestNamed(platform.manifest.digest) })
  setting.asked()
  const all = [descriptorOf(layer)]
  assert.deepEqual(await warm.missingBlobs(other, all), all, 'it is only named there')
  assert.deepEqual(await setting.storeBlob('ghcr.io/team/other', layer), { how: 'held' })
  assert.deepEqual(setting.asked(), [`GET team/other/blobs/${layer.digest} bytes=0-0`])
  assert.deepEqual(await warm.missingBlobs(other, all), [])
  assert.deepEqual(setting.asked(), [])
})

test('who may read what a login brought is found out once, for when upstream is gone', async () => {
  await using setting = await settingWithLogin('team/closed')
  const { warm, mirror, upstream } = setting
  upstream.needsToken = true
  upstream.addImage('team/open', '1', newer)
  const open = setting.repository('ghcr.io/team/open')
  const closed = setting.repository('ghcr.io/team/closed')
  for (const repository of [open, closed]) {
    await warm.head(repository, TAG)
    await warm.manifest(repository, { tag: TAG })
  }
  setting.asked()
  for (const repository of [open, closed]) assert.equal(await warm.isServed(repository), false)
  assert.deepEqual(setting.asked(), [])
  const inOpen = digestNamed(newer.top.digest)
  const inClosed = digestNamed(image.top.digest)
  for (let n = 0; n < 2; n += 1) {
    assert.equal(await warm.settleVisibility(open, inOpen), 'served')
    assert.equal(await warm.settleVisibility(closed, inClosed), 'refused')
  }
  const looks = upstream.log.find({ path: '/v2/team/' }).filter((each) => each.status !== 401)
  assert.deepEqual(
    looks.map(({ method, url }) => `${method} ${url}`),
    [`HEAD /v2/team/open/manifests/${inOpen}`],
  )
  assert.equal(await warm.isServed(open), true)
  assert.equal(await warm.isServed(closed), false)

  await upstream.close()
  const served = await mirror.manifest(open, { tag: TAG }, 'bytes')
  assert.equal(served?.digest, newer.top.digest)
  await assert.rejects(mirror.manifest(closed, { tag: TAG }, 'bytes'), RequestError)
})

test('missing is what is not there or not right; never a layer that registries need not have', async () => {
  await using setting = await settingWithImage()
  const { warm, folder } = setting
  const repository = setting.repository('ghcr.io/team/app')
  const foreign = descriptorOf({
    digest: `sha256:${'f'.repeat(64)}`,
    size: 5,
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  })
  const whole = descriptorOf(blob)
  assert.deepEqual(await warm.missingBlobs(repository, [foreign, whole]), [whole])
  await setting.storeBlob('ghcr.io/team/app', blob)
  assert.deepEqual(await warm.missingBlobs(repository, [foreign, whole]), [])
  appendFileSync(publishedPath(folder, blob.digest), 'x')
  assert.deepEqual(await warm.missingBlobs(repository, [foreign, whole]), [whole])
  assert.equal((await setting.storeBlob('ghcr.io/team/app', blob)).how, 'fetched')
})

test('one look at many images looks at a file once; the next look looks again', async () => {
  await using setting = await settingWithImage()
  const { warm, folder } = setting
  const repository = setting.repository('ghcr.io/team/app')
  const all = [descriptorOf(blob)]
  await setting.storeBlob('ghcr.io/team/app', blob)
  const looked: LookedAt = new Map()
  assert.deepEqual(await warm.missingBlobs(repository, all, looked), [])
  appendFileSync(publishedPath(folder, blob.digest), 'x')
  assert.deepEqual(await warm.missingBlobs(repository, all, looked), [])
  const other = setting.repository('ghcr.io/team/other')
  assert.deepEqual(await warm.missingBlobs(other, all, looked), all, 'who may have it is looked at')
  assert.deepEqual(await warm.missingBlobs(repository, all, new Map()), all)
})

test('what finds no room is an error, and upstream is not asked for it', async () => {
  await using setting = await settingWithImage()
  setting.room.limitBytes = MIB
  const stored = setting.storeBlob('ghcr.io/team/app', blob)
  await assert.rejects(stored, (error) => error instanceof StoreError && error.kind === 'no-room')
  assert.deepEqual(setting.asked(), [])
})

test('a manifest that the index cannot take is a failure, not something that is held', async () => {
  await using setting = await settingWithImage()
  const repository = setting.repository('ghcr.io/team/app')
  setting.recordsManifests = false
  const brought = setting.warm.manifest(repository, { digest: digestNamed(image.top.digest) })
  await assert.rejects(
    brought,
    (error) => error instanceof StoreError && /index/.test(error.message),
  )
})

test('wrong content is never stored, and is not downloaded again at once', async () => {
  await using setting = await settingWithImage()
  setting.upstream.script({ path: blob.digest, reply: { flip: 5 } })
  await assert.rejects(setting.storeBlob('ghcr.io/team/app', blob), IntegrityError)
  const again = setting.storeBlob('ghcr.io/team/app', blob)
  await assert.rejects(again, { name: 'UpstreamError', kind: 'bad-response', mayPass: false })
  assert.equal(setting.asked().length, 1)
})

test('an offline mirror asks nothing and says so', async () => {
  await using setting = await settingWithImage()
  await setting.reopen({ offline: true })
  const { warm } = setting
  const repository = setting.repository('ghcr.io/team/app')
  const offline = { name: 'UpstreamError', kind: 'offline' }
  await assert.rejects(warm.head(repository, TAG), offline)
  await assert.rejects(setting.storeBlob('ghcr.io/team/app', blob), offline)
  assert.equal(await warm.settleVisibility(repository, digestNamed(image.top.digest)), 'served')
  assert.deepEqual(setting.asked(), [])
})

test('a registry that is not served is refused with what would add it', async () => {
  await using setting = await settingWithImage()
  const refused = setting.warm.repository('quay.example/team/app')
  assert.ok('refused' in refused)
  assert.match(refused.refused, /quay\.example.*--registry/)
})

const HOUR_MS = 3_600_000
for (const [form, value] of [
  ['seconds', '3600'],
  ['a date', () => new Date(Date.now() + HOUR_MS).toUTCString()],
] as const) {
  test(
    `Retry-After as ${form} is told as upstream said it, and pulls wait no longer than before`,
    OWN_CLOCK,
    async () => {
      await using setting = await settingWithImage()
      const { warm, upstream } = setting
      const text = typeof value === 'string' ? value : value()
      upstream.script({ times: 1, reply: tooManyRequests(text) })
      const repository = setting.repository('ghcr.io/team/app')
      const error: unknown = await warm.head(repository, TAG).catch((failure: unknown) => failure)
      assert.ok(error instanceof UpstreamError)
      assert.equal(error.kind, 'rate-limited')
      assert.equal(error.mayPass, true)
      const toldMs = error.retryAfterMs ?? 0
      assert.ok(toldMs > HOUR_MS - 60_000 && toldMs <= HOUR_MS, `${toldMs}`)
      putClockForward(300_000)
      assert.equal((await warm.head(repository, TAG))?.digest, image.top.digest)
    },
  )
}

test('quotas are as the registry last told them', async () => {
  await using setting = await settingWithImage()
  const { warm, upstream } = setting
  assert.equal(warm.quota('ghcr.io'), undefined)
  const headers = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' }
  upstream.script({ reply: { headers } })
  await warm.head(setting.repository('ghcr.io/team/app'), TAG)
  const { limit, remaining } = warm.quota('ghcr.io') ?? {}
  assert.deepEqual({ limit, remaining }, { limit: 100, remaining: 76 })
})

test('a tag that pulls revalidate shares its HEAD with a run', async () => {
  await using setting = await settingWithImage()
  await setting.reopen(REVALIDATE_ALWAYS)
  const { warm, mirror, upstream } = setting
  const repository = setting.repository('ghcr.io/team/app')
  upstream.script({ method: 'HEAD', times: 1, reply: { holdHeaders: true } })
  const pulled = mirror.manifest(repository, { tag: TAG }, 'head')
  await waitUntil(() => upstream.log.all.length === 1, { what: 'the HEAD', everyMs: 1 })
  const head = warm.head(repository, TAG)
  await warm.knownTag(repository, TAG)
  upstream.release()
  assert.equal((await head)?.digest, image.top.digest)
  assert.equal((await pulled)?.digest, image.top.digest)
  assert.deepEqual(setting.asked(), ['HEAD team/app/manifests/1'])
})
