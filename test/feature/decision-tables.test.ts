// What each answer of upstream becomes for the client, thing by thing. Beside these:
//
//   a tag that is fresh: nobody is asked            tags: while the tag is fresh ...
//   a tag that is due: one HEAD, and a GET if new   tags: a revalidation ..., a tag that moved ...
//   HEAD without digest, HEAD refused               tags: a registry whose HEAD ..., that refuses HEAD
//   HEAD of a tag that is not held                  tags: HEAD of a tag that is not held costs no GET
//   tag gone / unknown, asked for by many           tags: deleted upstream, does not have
//   a due tag and an upstream that fails            stale-tags
//   the configured login is refused                 credentials-refused
//   declared offline                                stale-tags: offline
//   held, but of another repository                 blobs, two-repositories
//   breaks in mid-body, resume exhausted            broken-downloads
//   wrong digest or length at the end               wrong-content
//   damaged, emptied or lost on disk                damaged-store
//   several endpoints                               endpoints
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { DEFAULT_LIMITS } from '../../src/upstream/limits.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { FaultyLink } from '../support/faulty-link.ts'
import { buildImage } from '../support/images.ts'
import { oneOnBinary } from '../support/packaged-mirror.ts'
import { bearerChallenge, htmlPage, status, tooManyRequests } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { publishedPath } from '../support/store-invariants.ts'
import { REVALIDATE_ALWAYS, Setting, TestMirror, errorCode } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const image = buildImage({ seed: 'decisions', form: 'oci', architectures: ['arm64'] })
const other = buildImage({ seed: 'decisions, other', form: 'oci', architectures: ['arm64'] })
const blob = heldContent(seededContent('decisions', 300_000))
const IMPATIENT = { connectTimeoutMs: 1000, headerTimeoutMs: 200, idleTimeoutMs: 1000 }

const THINGS: Readonly<Record<string, string>> = {
  'an unknown tag': '/v2/app/manifests/unknown',
  'a manifest by digest': `/v2/app/manifests/${image.top.digest}`,
  'a blob': `/v2/app/blobs/${blob.digest}`,
}

interface Outcome {
  readonly reply: (url: string) => Reply
  readonly status: number
  readonly statusOfTag?: number
  readonly code: RegExp
}

// Never 401 or 429: clients would answer the one with their logins and wait long for the other.
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  'says 404': { reply: () => status(404), status: 404, code: /^(MANIFEST|BLOB)_UNKNOWN$/ },
  'says 404 without the errors document': {
    reply: () => ({ status: 404, headers: { 'content-type': 'application/json' }, body: '{}' }),
    status: 404,
    code: /^(MANIFEST|BLOB)_UNKNOWN$/,
  },
  'says 404 without a word': {
    reply: () => ({ status: 404, headers: { 'content-type': null }, body: '' }),
    status: 404,
    code: /^(MANIFEST|BLOB)_UNKNOWN$/,
  },
  // The HEAD of a tag has no words that could tell.
  'says 404 as an ingress does': {
    reply: () => ({
      status: 404,
      headers: { 'content-type': 'text/plain' },
      body: '404 page not found',
    }),
    status: 502,
    statusOfTag: 404,
    code: /^(UNAVAILABLE|MANIFEST_UNKNOWN)$/,
  },
  'wants a login': {
    reply: (url) => bearerChallenge(`${url}/token`, 'x'),
    status: 404,
    code: /^NAME_UNKNOWN$/,
  },
  'says 401 without a challenge': {
    reply: () => status(401),
    status: 404,
    code: /^NAME_UNKNOWN$/,
  },
  'says 403': { reply: () => status(403), status: 404, code: /^NAME_UNKNOWN$/ },
  'says 429': { reply: () => tooManyRequests(60), status: 503, code: /^UNAVAILABLE$/ },
  'says 429 and not for how long': {
    reply: () => tooManyRequests(),
    status: 503,
    code: /^UNAVAILABLE$/,
  },
  'says 500': { reply: () => status(500), status: 502, code: /^UNAVAILABLE$/ },
  'says 520, as Cloudflare does': {
    reply: () => status(520),
    status: 502,
    code: /^UNAVAILABLE$/,
  },
  'shows a page under 200': { reply: () => htmlPage(), status: 502, code: /^UNAVAILABLE$/ },
  'shows a page under 404': { reply: () => htmlPage(404), status: 502, code: /^UNAVAILABLE$/ },
  'says nothing': { reply: () => ({ holdHeaders: true }), status: 504, code: /^UNAVAILABLE$/ },
}

for (const [thing, path] of oneOnBinary(Object.entries(THINGS))) {
  for (const [what, outcome] of Object.entries(OUTCOMES)) {
    const { statusOfTag = outcome.status } = outcome
    const wanted = thing === 'an unknown tag' ? statusOfTag : outcome.status
    test(`${thing}, and upstream ${what}: ${wanted}, nothing kept`, async () => {
      await using setting = await Setting.start({ upstream: IMPATIENT })
      const { upstream, mirror } = setting
      upstream.script({ path: '/v2/', reply: outcome.reply(upstream.url) })
      const answer = await mirror.get(path)
      assert.equal(answer.status, wanted)
      assert.match(errorCode(answer) ?? '', outcome.code)
      assert.equal(answer.headers.get('content-type'), 'application/json')
      assert.equal(answer.headers.get('www-authenticate'), undefined)
      assert.equal(answer.headers.has('retry-after'), wanted === 503)
    })
  }
}

// Whose upstream was asked in vain as often as it takes.
async function givenUp(t: TestContext) {
  await using stack = new AsyncDisposableStack()
  const upstream = stack.use(await ScriptedUpstream.start())
  const link = stack.use(await FaultyLink.start(upstream.url))
  const registries = { 'docker.io': link.url }
  const mirror = stack.use(await TestMirror.start({ registries, ...REVALIDATE_ALWAYS }))
  upstream.addImage('library/app', '1', image)
  await pullWhole(mirror, 'app', '1', image)
  link.set({ refuse: true })
  link.cutAll('rst')
  const vain = ['a', 'b', 'c'].map((tag) => mirror.get(`/v2/app/manifests/${tag}`))
  for (const { status: code } of await Promise.all(vain)) assert.equal(code, 502)
  const parts = stack.move()
  t.after(() => parts.disposeAsync())
  return { mirror, link, dialled: link.connections }
}

test('once upstream has failed often enough, nobody waits for it: 503 at once', async (t) => {
  const { mirror, link, dialled } = await givenUp(t)
  for (const path of ['manifests/d', `manifests/${other.top.digest}`, `blobs/${blob.digest}`]) {
    const answer = await mirror.get(`/v2/app/${path}`)
    assert.equal(answer.status, 503, path)
    assert.ok(Number(answer.headers.get('retry-after')) > 0)
  }
  assert.equal(link.connections, dialled)
})

test('once upstream has failed often enough, what is known is answered at once', async (t) => {
  const { mirror, link, dialled } = await givenUp(t)
  await pullWhole(mirror, 'app', '1', image)
  assert.ok((await mirror.get('/v2/app/manifests/1')).headers.has('warning'))
  assert.equal(link.connections, dialled)
})

test('a manifest that was served once is never taken back while upstream is away', async () => {
  await using setting = await Setting.start(REVALIDATE_ALWAYS)
  const { upstream, mirror } = setting
  upstream.addImage('library/app', '1', image)
  const path = `/v2/app/manifests/${image.top.digest}`
  assert.equal((await mirror.get(path)).status, 200)
  upstream.tag('library/app', '1', undefined)
  assert.equal((await mirror.get('/v2/app/manifests/1')).status, 404)
  await upstream.close()
  assert.equal((await mirror.get(path)).status, 200)
})

test('a layer that was evicted is fetched again, whole, though its manifest says it is here', async () => {
  await using setting = await Setting.start()
  const { upstream, mirror } = setting
  upstream.addImage('library/app', '1', image)
  await pullWhole(mirror, 'app', '1', image)
  await stored(mirror, image)
  for (const digest of image.blobs.keys()) rmSync(publishedPath(mirror.folder, digest))
  setting.asked()
  await pullWhole(mirror, 'app', '1', image)
  assert.equal(setting.asked().length, image.blobs.size)
})

test('what upstream is given in time leaves clients the time to go elsewhere', () => {
  // containerd leaves a mirror that sends no header for so long.
  const patienceMs = 30_000
  const limits = DEFAULT_LIMITS
  assert.ok(limits.connectTimeoutMs < limits.manifestHeadersTimeoutMs)
  assert.ok(limits.manifestHeadersTimeoutMs < limits.manifestBudgetMs)
  assert.ok(limits.tokenBudgetMs < limits.manifestBudgetMs)
  assert.ok(limits.manifestBudgetMs <= 20_000)
  assert.ok(limits.blobOpenBudgetMs < patienceMs)
})

test('upstream that sends headers late, but in time, is waited for', async () => {
  await using setting = await Setting.start()
  const { upstream, mirror } = setting
  upstream.addImage('library/app', '1', image)
  upstream.script({ times: 2, reply: { holdHeaders: true } })
  const answering = mirror.get('/v2/app/manifests/1')
  await setting.upstreamAsked(1)
  upstream.release()
  await setting.upstreamAsked(2)
  upstream.release()
  assert.equal((await answering).status, 200)
})
