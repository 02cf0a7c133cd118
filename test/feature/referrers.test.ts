import assert from 'node:assert/strict'
import { test } from 'node:test'
import { artifact, indexOf, referrer } from '../support/artifacts.ts'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { MEDIA_TYPES, buildImage } from '../support/images.ts'
import type { Descriptor } from '../support/images.ts'
import { oneOnBinary } from '../support/packaged-mirror.ts'
import { htmlPage, redirect, status, tooManyRequests } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { knownRepositories } from '../support/store-invariants.ts'
import { REVALIDATE_ALWAYS, Setting, errorCode } from '../support/test-mirror.ts'
import type { Answer, ConfigChanges } from '../support/test-mirror.ts'

const INDEX = MEDIA_TYPES.oci.index
const image = buildImage({ seed: 'referrers', form: 'oci', architectures: ['arm64'] })
const signature = referrer(image.top, 'application/vnd.dev.cosign.artifact.sig.v1+json', { a: 'b' })
const bom = referrer(image.top, 'application/spdx+json')
const scan = referrer(image.top, 'application/vnd.example.scan')
const ALL = [signature.descriptor, bom.descriptor, scan.descriptor]

const SUBJECT = image.top.digest
const TAG = SUBJECT.replace(':', '-')
const API = `library/app/referrers/${SUBJECT}`
const PATH = `/v2/app/referrers/${SUBJECT}`
const NO_API: Reply = {
  status: 404,
  headers: { 'content-type': 'text/plain' },
  body: 'not found\n',
}

function listing(manifests: readonly object[]): Reply {
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })
  return { status: 200, headers: { 'content-type': INDEX }, body }
}

// Holds the image; the registry has a referrers API that knows these.
async function withApi(
  manifests: readonly object[],
  changes: ConfigChanges = {},
): Promise<Setting> {
  return await withReply(listing(manifests), changes)
}

async function withReply(reply: Reply, changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await Setting.start(changes)
  setting.upstream.addImage('library/app', '1', image)
  setting.upstream.script({ path: '/referrers/', reply })
  await setting.mirror.get('/v2/app/manifests/1')
  setting.asked()
  return setting
}

function assertListed(answer: Answer, manifests: readonly object[]): void {
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), INDEX)
  assert.equal(answer.headers.get('content-length'), String(answer.body.length))
  assert.equal(answer.headers.get('oci-subject'), undefined)
  const index: unknown = JSON.parse(answer.body.toString())
  assert.deepEqual(index, { schemaVersion: 2, mediaType: INDEX, manifests })
}

function assertFresh(answer: Answer, manifests: readonly object[]): void {
  assertListed(answer, manifests)
  assert.equal(answer.headers.get('warning'), undefined)
}

function assertStale(answer: Answer, manifests: readonly object[]): void {
  assertListed(answer, manifests)
  assert.match(answer.headers.get('warning') ?? '', /^299 - "stale: [ -~]+"$/)
  assert.equal(answer.headers.get('cache-control'), 'no-cache')
}

// The registry has only the tag, as tools keep it where there is no API.
function addByTag({ upstream }: Setting, manifests: readonly Descriptor[]): void {
  upstream.addImage('library/app', TAG, indexOf(manifests))
}

test('a pull asks nothing of referrers', async () => {
  await using setting = await Setting.start()
  setting.upstream.addImage('library/app', '1', image)
  await setting.mirror.get('/v2/app/manifests/1')
  for (const digest of image.blobs.keys()) await setting.mirror.get(`/v2/app/blobs/${digest}`)
  assert.deepEqual(setting.asked({ path: /referrers|sha256-/ }), [])
})

test('referrers are asked for once, however many want them, and answered as upstream wrote them', async () => {
  const odd = { ...scan.descriptor, data: 'e30=', 'com.example': [1] }
  await using setting = await withApi([signature.descriptor, odd])
  const answers = await Promise.all(Array.from({ length: 20 }, () => setting.mirror.get(PATH)))
  answers.push(await setting.mirror.get(PATH))
  for (const answer of answers) assertFresh(answer, [signature.descriptor, odd])
  assert.deepEqual(setting.asked(), [`GET ${API}`])
  const line = /^listed the referrers of docker\.io\/library\/app@sha256:\w+ for .*: 2$/
  await setting.mirror.logged(line, answers.length)
})

test('HEAD has the headers of GET and no body', async () => {
  await using setting = await withApi(ALL)
  const get = await setting.mirror.get(PATH)
  const head = await setting.mirror.head(PATH)
  assert.equal(head.status, 200)
  assert.equal(head.body.length, 0)
  for (const name of ['content-type', 'content-length']) {
    assert.equal(head.headers.get(name), get.headers.get(name))
  }
})

const types = (...wanted: { readonly descriptor: object }[]): string =>
  wanted
    .map(({ descriptor }) => (descriptor as { artifactType: string }).artifactType)
    .map((type) => `artifactType=${encodeURIComponent(type)}`)
    .join('&')

// [query, the referrers that are left]
for (const [query, left] of [
  [types(signature), [signature.descriptor]],
  [types(bom, scan), [bom.descriptor, scan.descriptor]],
  ['artifactType=application/vnd.example.none', []],
] as const) {
  test(`?${query} is filtered here, of what upstream was asked for whole`, async () => {
    await using setting = await withApi([...ALL, { ...image.top }])
    const answer = await setting.mirror.get(`${PATH}?${query}`)
    assertFresh(answer, left)
    assert.equal(answer.headers.get('oci-filters-applied'), 'artifactType')
    const whole = await setting.mirror.get(PATH)
    assertFresh(whole, [...ALL, image.top])
    assert.equal(whole.headers.get('oci-filters-applied'), undefined)
    assert.deepEqual(setting.asked(), [`GET ${API}`])
  })
}

test('what nobody has is not referred to: 200 and an empty index', async () => {
  await using setting = await withApi([])
  const unknown = 'sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9'
  assertFresh(await setting.mirror.get(`/v2/app/referrers/${unknown}`), [])
  setting.upstream.clearScript()
  assertFresh(await setting.mirror.get(`/v2/other/referrers/${unknown}`), [])
})

test('referrers of what is no digest are 400', async () => {
  await using setting = await withApi([])
  for (const digest of ['sha256:abc', 'latest', `md5:${'0'.repeat(32)}`]) {
    const answer = await setting.mirror.get(`/v2/app/referrers/${digest}`)
    assert.equal(answer.status, 400)
    assert.equal(errorCode(answer), 'DIGEST_INVALID')
  }
  assert.deepEqual(setting.asked(), [])
})

for (const [path, name] of [
  [`/v2/ghcr.io/org/app/referrers/${SUBJECT}`, undefined],
  [`/ghcr.io/v2/org/app/referrers/${SUBJECT}`, undefined],
  [`/v2/org/app/referrers/${encodeURIComponent(SUBJECT)}?ns=ghcr.io`, 'ghcr.io'],
] as const) {
  test(`referrers are found at ${path}`, async () => {
    await using setting = await withApi(ALL)
    const answer = await setting.mirror.get(path)
    assertFresh(answer, ALL)
    assert.equal(answer.headers.get('oci-namespace'), name)
    assert.deepEqual(setting.asked(), [`GET org/app/referrers/${SUBJECT}`])
  })
}

// How registries have no API; ghcr.io's is the 303.
for (const [what, reply] of [
  ['404 in plain text', NO_API],
  ['405', status(405)],
  ['a redirect to a web page', redirect('/login', 303)],
  ['an HTML page', htmlPage()],
  ['404 with an HTML page', htmlPage(404)],
] as const) {
  test(`a registry whose API is ${what}: the tag that stands in for it is read`, async () => {
    await using setting = await withReply(reply)
    addByTag(setting, ALL)
    assertFresh(await setting.mirror.get(PATH), ALL)
    const asked = setting.asked()
    assert.deepEqual(asked.slice(0, 2), [`GET ${API}`, `HEAD library/app/manifests/${TAG}`])
    assert.equal(asked.length, 3)
    assertFresh(await setting.mirror.get(PATH), ALL)
    // It is held like every other tag.
    const tagged = await setting.mirror.get(`/v2/app/manifests/${TAG}`)
    assert.deepEqual(JSON.parse(tagged.body.toString()).manifests, ALL)
    assert.deepEqual(setting.asked(), [])
  })
}

// How registries answer for what they do not have; Harbor's is the redirect.
for (const [what, reply] of [
  ['a redirect', redirect('/harbor/sign-in', 301)],
  ['404 in plain text', NO_API],
  ['400', status(400)],
] as const) {
  test(`${what} for one repository hides no signature of another`, async () => {
    await using setting = await withApi(ALL)
    const { mirror, upstream } = setting
    upstream.clearScript()
    upstream.script(
      { path: '/nope/missing/referrers/', reply },
      { path: '/referrers/', reply: listing(ALL) },
    )
    assertFresh(await mirror.get(`/v2/nope/missing/referrers/${SUBJECT}`), [])
    assertFresh(await mirror.get(PATH), ALL)
  })
}

// Before the origin stands a copy of it that knows these referrers.
async function withCopy(
  { mirror, upstream }: Setting,
  copied: readonly object[],
): Promise<ScriptedUpstream> {
  const copy = await ScriptedUpstream.start()
  copy.script({ path: '/referrers/', reply: listing(copied) })
  const endpoints = [copy.url, upstream.url]
  const registries = { 'docker.io': { endpoints } }
  await mirror.restart({ ...REVALIDATE_ALWAYS, registries })
  return copy
}

test('while the origin fails, who copies it adds referrers and takes none away', async () => {
  await using setting = await withApi([signature.descriptor])
  const { mirror, upstream } = setting
  await mirror.get(PATH)
  await using copy = await withCopy(setting, [bom.descriptor])
  assertFresh(await mirror.get(PATH), [signature.descriptor])
  assert.deepEqual(copy.log.all, [])
  upstream.clearScript()
  upstream.script({ reply: status(500) })
  assertStale(await mirror.get(PATH), [signature.descriptor, bom.descriptor])
  await mirror.restart({ offline: true })
  assertStale(await mirror.get(PATH), [signature.descriptor, bom.descriptor])
  await mirror.restart({ offline: false })
  upstream.clearScript()
  upstream.script({ path: '/referrers/', reply: listing(ALL) })
  assertFresh(await mirror.get(PATH), ALL)
})

test('while the origin fails, an empty list of who copies it is no answer', async () => {
  await using setting = await withApi(ALL)
  const { mirror, upstream } = setting
  await mirror.get(PATH)
  await using copy = await withCopy(setting, [])
  upstream.clearScript()
  upstream.script({ reply: status(500) })
  const unknown = await mirror.get(`/v2/other/referrers/${SUBJECT}`)
  assert.equal(unknown.status, 502)
  assert.equal(errorCode(unknown), 'UNAVAILABLE')
  assert.ok(copy.log.all.length > 0)
  assertStale(await mirror.get(PATH), ALL)
})

test('without API and tag nothing refers to it, and that is remembered too', async () => {
  await using setting = await withReply(NO_API)
  for (const _ of [1, 2]) assertFresh(await setting.mirror.get(PATH), [])
  assert.deepEqual(setting.asked(), [`GET ${API}`, `HEAD library/app/manifests/${TAG}`])
  // Another image: the API is known to be missing.
  const other = `sha256:${'1'.repeat(64)}`
  assertFresh(await setting.mirror.get(`/v2/app/referrers/${other}`), [])
  assert.deepEqual(setting.asked(), [`HEAD library/app/manifests/${other.replace(':', '-')}`])
  await setting.mirror.restart({ offline: true })
  assertStale(await setting.mirror.get(PATH), [])
})

test('a tag in the place of the API that is no index is no list', async () => {
  await using setting = await withReply(NO_API)
  setting.upstream.tag('library/app', TAG, image.top.digest)
  assertFresh(await setting.mirror.get(PATH), [])
})

test('referrers of a sha512 digest are found under the shortened tag', async () => {
  const subject = artifact(
    { config: image.platforms[0]?.config, layers: [] },
    { algorithm: 'sha512' },
  )
  const about = referrer(subject.top, 'application/vnd.example.scan')
  await using setting = await withReply(NO_API)
  const tag = `sha512-${subject.top.digest.slice('sha512:'.length).slice(0, 64)}`
  setting.upstream.addImage('library/app', tag, indexOf([about.descriptor]))
  assertFresh(await setting.mirror.get(`/v2/app/referrers/${subject.top.digest}`), [
    about.descriptor,
  ])
})

test('a list is asked for again after some minutes', OWN_CLOCK, async () => {
  await using setting = await withApi([])
  assertFresh(await setting.mirror.get(PATH), [])
  setting.upstream.clearScript()
  setting.upstream.script({ path: '/referrers/', reply: listing(ALL) })
  putClockForward(4 * 60_000)
  assertFresh(await setting.mirror.get(PATH), [])
  putClockForward(2 * 60_000)
  assertFresh(await setting.mirror.get(PATH), ALL)
  assert.deepEqual(setting.asked(), [`GET ${API}`, `GET ${API}`])
})

// [what upstream does, its reply, what is answered where nothing is known]
const TROUBLES: [string, Reply, number][] = [
  ['answers 401', status(401), 503],
  ['answers 403', status(403), 503],
  ['limits the rate', tooManyRequests(60), 503],
  ['answers 500', status(500), 502],
  ['answers 503', status(503), 502],
]

for (const [what, reply, answered] of oneOnBinary(TROUBLES)) {
  test(`upstream ${what}: the last list, marked; of what is not held an error, never an empty list`, async () => {
    await using setting = await withApi(ALL, REVALIDATE_ALWAYS)
    const { mirror, upstream } = setting
    assertFresh(await mirror.get(PATH), ALL)
    upstream.clearScript()
    upstream.script({ path: '/v2/', reply })
    assertStale(await mirror.get(PATH), ALL)
    assertStale(await mirror.get(`${PATH}?${types(bom)}`), [bom.descriptor])
    const unknown = await mirror.get(`/v2/app/referrers/sha256:${'2'.repeat(64)}`)
    assert.equal(unknown.status, answered)
    assert.equal(errorCode(unknown), 'UNAVAILABLE')
    await mirror.restart()
    assertStale(await mirror.get(PATH), ALL)
  })

  test(`upstream ${what} to the tag in the place of the API: no empty list either`, async () => {
    await using setting = await withReply(NO_API)
    setting.upstream.script({ path: '/manifests/', reply })
    const unknown = await setting.mirror.get(`/v2/app/referrers/sha256:${'2'.repeat(64)}`)
    assert.equal(unknown.status, answered)
  })
}

test('upstream is gone: an image that is held has what is held of its referrers, marked and not kept', async () => {
  await using setting = await withApi(ALL)
  const { mirror, upstream } = setting
  upstream.addImage('library/app', 'sig', signature.image)
  await mirror.get(`/v2/app/manifests/${signature.image.top.digest}`)
  upstream.clearScript()
  upstream.script({ reply: status(500) })
  assertStale(await mirror.get(PATH), [signature.descriptor])
  // Another repository was never seen to have them.
  assert.equal((await mirror.get(`/v2/other/referrers/${SUBJECT}`)).status, 502)
  upstream.clearScript()
  upstream.script({ path: '/referrers/', reply: listing(ALL) })
  assertFresh(await mirror.get(PATH), ALL)
})

test('upstream is gone: an image that is held, of which nothing more is known, has no referrers, marked', async () => {
  await using setting = await withApi(ALL)
  await setting.upstream.close()
  assertStale(await setting.mirror.get(PATH), [])
  assert.equal((await setting.mirror.get(`/v2/other/referrers/${SUBJECT}`)).status, 502)
})

test('upstream is slow: the last list is answered', async () => {
  await using setting = await withApi(ALL, { ...REVALIDATE_ALWAYS, staleAfterMs: 50 })
  await setting.mirror.get(PATH)
  setting.upstream.clearScript()
  setting.upstream.script({ path: '/referrers/', reply: { holdHeaders: true } })
  assertStale(await setting.mirror.get(PATH), ALL)
})

test('declared offline nobody is asked: what is stored and what is held, together', async () => {
  await using setting = await withApi([signature.descriptor])
  const { mirror, upstream } = setting
  await mirror.get(PATH)
  upstream.addImage('library/app', 'sbom', bom.image)
  await mirror.get(`/v2/app/manifests/${bom.image.top.digest}`)
  addByTag(setting, [signature.descriptor, scan.descriptor])
  await mirror.get(`/v2/app/manifests/${TAG}`)
  await mirror.restart({ offline: true })
  setting.asked()
  const { connections } = upstream
  assertStale(await mirror.get(PATH), ALL.toSorted(byPlace))
  const unknown = await mirror.get(`/v2/app/referrers/sha256:${'2'.repeat(64)}`)
  assert.equal(unknown.status, 503)
  assert.equal(errorCode(unknown), 'UNAVAILABLE')
  assert.deepEqual(setting.asked(), [])
  assert.equal(upstream.connections, connections)
})

// What upstream said, then what the tag says, then what is held.
function byPlace(a: object, b: object): number {
  const order = [signature.descriptor, scan.descriptor, bom.descriptor] as object[]
  return order.indexOf(a) - order.indexOf(b)
}

test('made-up subjects, to which nothing refers, leave nothing in the index', async () => {
  await using setting = await withApi([])
  const { mirror } = setting
  for (let n = 0; n < 200; n += 1) {
    const subject = `sha256:${String(n).padStart(64, '0')}`
    assertListed(await mirror.get(`/v2/no/such${n % 50}/referrers/${subject}`), [])
  }
  assertListed(await mirror.get(PATH), [])
  await mirror.stop()
  assert.deepEqual(knownRepositories(mirror.folder), ['library/app'])
})
