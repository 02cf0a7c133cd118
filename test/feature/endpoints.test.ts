// A registry of several endpoints: public mirrors first, the origin last.
import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { FaultyLink } from '../support/faulty-link.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { closeServer, listen, trackSockets } from '../support/net-ports.ts'
import { oneOnBinary } from '../support/packaged-mirror.ts'
import { htmlPage, status, tooManyRequests } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { REVALIDATE_ALWAYS, TestMirror, errorCode } from '../support/test-mirror.ts'
import type { ConfigChanges } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const MIB = 2 ** 20
const image = buildImage({ seed: 'endpoints', form: 'oci', smallLayers: 2 })
const older = buildImage({ seed: 'endpoints, older', form: 'oci', architectures: ['arm64'] })
const newer = buildImage({ seed: 'endpoints, newer', form: 'oci', architectures: ['arm64'] })
const newest = buildImage({ seed: 'endpoints, newest', form: 'oci', architectures: ['arm64'] })
const blob = heldContent(seededContent('endpoints', 3 * MIB))
const TAG = '/v2/app/manifests/1'
const BLOB = `/v2/app/blobs/${blob.digest}`
const IMPATIENT = { connectTimeoutMs: 1000, headerTimeoutMs: 200, idleTimeoutMs: 1000 }

class Endpoints implements AsyncDisposable {
  readonly first: ScriptedUpstream
  readonly origin: ScriptedUpstream
  readonly mirror: TestMirror

  private constructor(first: ScriptedUpstream, origin: ScriptedUpstream, mirror: TestMirror) {
    this.first = first
    this.origin = origin
    this.mirror = mirror
  }

  static async start(changes: ConfigChanges = {}): Promise<Endpoints> {
    const first = await ScriptedUpstream.start()
    const origin = await ScriptedUpstream.start()
    const registries = { 'docker.io': { endpoints: [first.url, origin.url] } }
    return new Endpoints(first, origin, await TestMirror.start({ registries, ...changes }))
  }

  addImage(tag: string, added: Image): void {
    for (const each of [this.first, this.origin]) each.addImage('library/app', tag, added)
  }

  addBlob(): void {
    for (const each of [this.first, this.origin]) each.addBlob('library/app', blob)
  }

  // What each was asked since the last call.
  asked(): { first: string[]; origin: string[] } {
    const linesOf = ({ log }: ScriptedUpstream): string[] => {
      const lines = log.all.map(({ method, url, range }) =>
        [method, url.replace('/v2/library/app/', ''), range ?? ''].join(' ').trim(),
      )
      log.clear()
      return lines
    }
    return { first: linesOf(this.first), origin: linesOf(this.origin) }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [this.first, this.origin]) each.release()
    try {
      await this.mirror.close(new Map([[blob.digest, blob]]))
    } finally {
      await Promise.all([this.first.close(), this.origin.close()])
    }
  }
}

// Takes connections and closes them at once, or says nothing; counts them.
async function badEndpoint(how: 'closes' | 'silent') {
  let dialled = 0
  const server = net.createServer((socket) => {
    dialled += 1
    socket.on('error', () => {})
    if (how === 'closes') socket.destroy()
  })
  const sockets = trackSockets(server)
  const url = `http://127.0.0.1:${await listen(server)}`
  return {
    url,
    dialled: () => dialled,
    [Symbol.asyncDispose]: () => closeServer(server, sockets),
  }
}

for (const how of ['closes', 'silent'] as const) {
  const what = how === 'closes' ? 'that closes every connection' : 'that never answers'
  test(`a first endpoint ${what} costs one client once, not each pull`, async () => {
    await using bad = await badEndpoint(how)
    await using origin = await ScriptedUpstream.start()
    origin.addImage('library/app', '1', image)
    const registries = { 'docker.io': { endpoints: [bad.url, origin.url] } }
    const changes = { registries, upstream: IMPATIENT, ...REVALIDATE_ALWAYS }
    await using mirror = await TestMirror.start(changes)
    for (const _ of [1, 2, 3]) await pullWhole(mirror, 'app', '1', image)
    assert.equal(bad.dialled(), 1)
    await mirror.logged(/^docker\.io: 127\.0\.0\.1:\d+ .+; 127\.0\.0\.1:\d+ is not asked for 15 s$/)
  })
}

// Links in front of both, which refuse connections when told to.
async function linked(t: TestContext) {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await ScriptedUpstream.start())
  const first = stack.use(await FaultyLink.start(server.url))
  const origin = stack.use(await FaultyLink.start(server.url))
  const registries = { 'docker.io': { endpoints: [first.url, origin.url] } }
  const mirror = stack.use(await TestMirror.start({ registries, ...REVALIDATE_ALWAYS }))
  server.addImage('library/app', '1', image)
  const parts = stack.move()
  t.after(() => parts.disposeAsync())
  return { first, origin, mirror }
}

test('a set aside endpoint is asked again, by one, later each time', OWN_CLOCK, async (t) => {
  const { first, mirror } = await linked(t)
  first.set({ refuse: true })
  const dials = async (): Promise<number> => {
    const before = first.connections
    const answers = await Promise.all([1, 2, 3].map(() => mirror.get('/v2/app/manifests/1')))
    for (const { status: code, headers } of answers) {
      assert.equal(code, 200)
      assert.equal(headers.get('warning'), undefined)
    }
    await mirror.get('/v2/app/manifests/unknown')
    return first.connections - before
  }
  assert.equal(await dials(), 1)
  for (const seconds of [15, 30, 60, 120, 240, 300, 300]) {
    putClockForward((seconds - 1) * 1000)
    assert.equal(await dials(), 0, `before ${seconds} s`)
    putClockForward(1001)
    assert.equal(await dials(), 1, `after ${seconds} s`)
  }
  first.set({})
  putClockForward(301_000)
  await dials()
  await mirror.logged(/^docker\.io: 127\.0\.0\.1:\d+ works again$/)
})

test('where nobody else answers, a set aside endpoint is asked sooner', OWN_CLOCK, async (t) => {
  const { first, origin, mirror } = await linked(t)
  first.set({ refuse: true })
  for (const seconds of [61, 61, 20]) {
    assert.equal((await mirror.get(TAG)).status, 200)
    putClockForward(seconds * 1000)
  }
  await mirror.logged(/is not asked for 60 s/)
  first.set({})
  origin.set({ refuse: true })
  origin.cutAll('rst')
  const answer = await mirror.get(TAG)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('warning'), undefined)
})

test('a first endpoint that answers 503 to everything is left after a few', async () => {
  await using setting = await Endpoints.start(REVALIDATE_ALWAYS)
  setting.addImage('1', image)
  setting.first.script({ reply: status(503) })
  await pullWhole(setting.mirror, 'app', '1', image)
  assert.equal(setting.asked().first.length, 3)
})

test('an error about one thing does not set a first endpoint aside', async () => {
  await using setting = await Endpoints.start(REVALIDATE_ALWAYS)
  setting.addImage('1', image)
  const { digest } = image.top
  setting.first.script({ method: 'GET', path: digest, reply: status(500) })
  for (const _ of [1, 2]) await pullWhole(setting.mirror, 'app', '1', image)
  const { first, origin } = setting.asked()
  assert.deepEqual(origin, [`GET manifests/${digest}`])
  assert.equal(first.filter((line) => line === 'HEAD manifests/1').length, 2)
})

test(
  'a limiting first endpoint is left alone for what it limits; its blobs go on',
  OWN_CLOCK,
  async () => {
    await using setting = await Endpoints.start(REVALIDATE_ALWAYS)
    const { first, mirror } = setting
    setting.addImage('1', image)
    setting.addImage('2', newer)
    first.script({ method: 'GET', path: '/manifests/', reply: tooManyRequests(600) })
    await pullWhole(mirror, 'app', '1', image)
    const { first: asked, origin } = setting.asked()
    assert.equal(asked.filter((line) => line.startsWith('GET manifests/')).length, 1)
    assert.equal(asked.filter((line) => line.startsWith('GET blobs/')).length, image.blobs.size)
    assert.equal(origin.length, image.manifests.size)
    await mirror.logged(/is not asked for manifests for 300 s$/)

    // Retry-After is believed up to five minutes.
    first.clearScript()
    putClockForward(299_000)
    await pullWhole(mirror, 'app', '2', newer)
    assert.ok(setting.asked().origin.length > 0)
    putClockForward(2_000)
    setting.addImage('3', older)
    await pullWhole(mirror, 'app', '3', older)
    assert.deepEqual(setting.asked().origin, [])
  },
)

// [what the first endpoint does, its reply to GETs]
const LACKS: [string, Reply][] = [
  ['has it not', status(404)],
  ['wants a login', status(401)],
  ['refuses', status(403)],
  ['answers with a page', htmlPage()],
  ['answers 404 with a page', htmlPage(404)],
  ['fails', status(500)],
  ['breaks off', { cut: { after: 10, by: 'fin' } }],
]

for (const [what, reply] of oneOnBinary(LACKS)) {
  test(`what the first endpoint ${what} is asked of the next`, async () => {
    await using setting = await Endpoints.start()
    setting.addImage('1', image)
    setting.first.script({ method: 'GET', reply })
    await pullWhole(setting.mirror, 'app', '1', image)
    const { origin } = setting.asked()
    const expected = [...image.manifests.keys()].length + image.blobs.size
    assert.equal(origin.length, expected)
  })
}

// [what the first endpoint gives, its reply]
const WRONG_MANIFESTS: [string, Reply][] = [
  ['other bytes', { flip: 40 }],
  ['other JSON', { body: '{}' }],
  ['a short body that ends in good order', { short: 20 }],
]

for (const [what, reply] of oneOnBinary(WRONG_MANIFESTS)) {
  test(`a first endpoint that gives ${what} for a manifest: the next is asked, at once`, async () => {
    await using setting = await Endpoints.start()
    setting.addImage('1', image)
    setting.first.script({ method: 'GET', path: '/manifests/', reply })
    await pullWhole(setting.mirror, 'app', '1', image)
    assert.equal(setting.asked().origin.length, image.manifests.size)
  })
}

test('absent is what the origin does not have, whatever became of the others', async () => {
  for (const reply of [status(404), status(500), tooManyRequests(60)]) {
    await using setting = await Endpoints.start()
    setting.first.script({ reply })
    for (const path of [TAG, `/v2/app/manifests/${image.top.digest}`, BLOB]) {
      const answer = await setting.mirror.get(path)
      assert.equal(answer.status, 404)
      assert.match(errorCode(answer) ?? '', /_UNKNOWN$/)
    }
    assert.equal(setting.asked().origin.length, 3)
  }
})

test('404 of a mirror is no absence while the origin cannot be asked', async () => {
  await using setting = await Endpoints.start(REVALIDATE_ALWAYS)
  const { first, origin, mirror } = setting
  setting.addImage('1', image)
  await pullWhole(mirror, 'app', '1', image)
  first.script({ reply: status(404) })
  await origin.close()
  const held = await mirror.get(TAG)
  assert.equal(held.status, 200)
  assert.ok(held.headers.has('warning'))
  for (const path of [
    'manifests/unknown',
    `manifests/${newer.top.digest}`,
    `blobs/${blob.digest}`,
  ]) {
    const answer = await mirror.get(`/v2/app/${path}`)
    assert.ok(answer.status >= 502, `${path}: ${answer.status}`)
  }
})

test('a tag that a mirror does not have is asked of the origin', async () => {
  await using setting = await Endpoints.start()
  setting.origin.addImage('library/app', '1', image)
  await pullWhole(setting.mirror, 'app', '1', image)
  assert.equal(setting.asked().first[0], 'HEAD manifests/1')
})

test('a first endpoint that sends wrong bytes: the next pull of the blob takes them elsewhere', async () => {
  await using setting = await Endpoints.start()
  const { first, mirror } = setting
  setting.addBlob()
  first.script({ path: '/blobs/', reply: { flip: 2 * MIB } })
  const wrong = await mirror.get(BLOB)
  assert.equal(wrong.ending, 'fin')
  await mirror.logged(/could not be fetched/)
  const right = await mirror.get(BLOB)
  assert.equal(right.status, 200)
  assert.ok(right.body.equals(blob.bytes))
  const line = `GET blobs/${blob.digest}`
  assert.deepEqual(setting.asked(), { first: [line], origin: [line] })
})

test('a first endpoint with another length for a blob is passed over within one answer', async () => {
  await using setting = await Endpoints.start()
  const { first, mirror } = setting
  setting.addImage('1', image)
  await mirror.get(TAG)
  for (const digest of image.manifests.keys()) await mirror.get(`/v2/app/manifests/${digest}`)
  first.script({ path: '/blobs/', reply: { status: 200, body: 'too short' } })
  for (const digest of image.blobs.keys()) {
    assert.equal((await mirror.get(`/v2/app/blobs/${digest}`)).status, 200)
  }
  await stored(mirror, image)
})

const BREAKS: Readonly<Record<string, Reply>> = {
  'cut by FIN': { cut: { after: 2 * MIB, by: 'fin' } },
  'cut by RST': { cut: { after: 2 * MIB, by: 'rst' } },
  'that falls silent': { stall: { after: 2 * MIB } },
}

for (const [how, reply] of Object.entries(BREAKS)) {
  test(`a first endpoint ${how} in the middle of a blob: the rest comes from the next`, async () => {
    const upstream = { connectTimeoutMs: 1000, headerTimeoutMs: 5000, idleTimeoutMs: 1000 }
    await using setting = await Endpoints.start({ upstream })
    setting.addBlob()
    setting.first.script({ path: '/blobs/', times: 1, reply })
    const answer = await setting.mirror.get(BLOB)
    assert.equal(answer.ending, 'complete')
    assert.ok(answer.body.equals(blob.bytes))
    const { first, origin } = setting.asked()
    assert.equal(first.length, 1)
    assert.equal(origin.length, 1)
    // An RST overtakes what was sent before it.
    if (!how.endsWith('RST')) assert.match(origin[0] ?? '', /^GET blobs\/\S+ bytes=[1-9]\d*-/)
  })
}

test('a first endpoint that dies in the middle of a blob and stays dead', async () => {
  await using setting = await Endpoints.start()
  const { first, mirror } = setting
  setting.addBlob()
  first.script({ path: '/blobs/', times: 1, reply: { stall: { after: MIB } } })
  await using response = await mirror.open(BLOB)
  const body = response.body()
  await first.close()
  assert.ok((await body).equals(blob.bytes))
})

async function assertTag(setting: Endpoints, wanted: Image): Promise<void> {
  const answer = await setting.mirror.get(TAG)
  assert.equal(answer.headers.get('docker-content-digest'), wanted.top.digest)
  assert.equal(answer.headers.get('warning'), undefined)
}

// A mirror that has seen `older` and then `newer`; the first endpoint says `older` again.
async function lagging(): Promise<Endpoints> {
  const setting = await Endpoints.start(REVALIDATE_ALWAYS)
  for (const each of [older, newer]) {
    setting.addImage('1', each)
    await pullWhole(setting.mirror, 'app', '1', each)
  }
  setting.first.tag('library/app', '1', older.top.digest)
  setting.asked()
  return setting
}

test('a tag does not move back because a mirror lags: the origin decides', async () => {
  await using setting = await lagging()
  await assertTag(setting, newer)
  assert.deepEqual(setting.asked(), { first: ['HEAD manifests/1'], origin: ['HEAD manifests/1'] })
  setting.origin.addImage('library/app', '1', newest)
  await assertTag(setting, newest)
})

test('the origin may move a tag back', async () => {
  await using setting = await lagging()
  setting.origin.tag('library/app', '1', older.top.digest)
  await assertTag(setting, older)
})

test('a tag that the origin no longer has is gone, though a mirror still has it', async () => {
  await using setting = await lagging()
  setting.origin.tag('library/app', '1', undefined)
  assert.equal((await setting.mirror.get(TAG)).status, 404)
})

test('where the origin cannot be asked, a tag stays, as it was, until the origin says more', async () => {
  await using setting = await Endpoints.start(REVALIDATE_ALWAYS)
  setting.addImage('1', newer)
  await pullWhole(setting.mirror, 'app', '1', newer)
  // Which this mirror never saw, so nothing but the origin tells that it is old.
  setting.first.addImage('library/app', '1', older)
  setting.origin.script({ reply: tooManyRequests(60) })
  const { headers } = await setting.mirror.get(TAG)
  assert.equal(headers.get('docker-content-digest'), newer.top.digest)
  assert.match(headers.get('warning') ?? '', /^299 - "[ -~]*429[ -~]*"$/)
})

test(
  'what the origin could not confirm is not checked: it is asked again at once',
  OWN_CLOCK,
  async () => {
    await using setting = await lagging()
    setting.origin.script({ method: 'HEAD', times: 3, reply: status(500) })
    await setting.mirror.restart({
      tagTtl: { movingMs: 3_600_000, exactMs: 3_600_000, patterns: [] },
    })
    putClockForward(3_600_001)
    assert.ok((await setting.mirror.get(TAG)).headers.has('warning'))
    const checked = await setting.mirror.get(TAG)
    assert.equal(checked.headers.get('docker-content-digest'), newer.top.digest)
    assert.equal(checked.headers.get('warning'), undefined)
  },
)

test('a mirror without digests in its HEAD is held to the same', async () => {
  await using setting = await lagging()
  const noDigest = { headers: { 'docker-content-digest': null } }
  for (const each of [setting.first, setting.origin]) each.script({ reply: noDigest })
  await assertTag(setting, newer)
})
