// One login for public and private repositories of a registry: who may read what.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PrivatePolicy } from '../../src/config/config.ts'
import { MEDIA_TYPES } from '../support/images.ts'
import { ON_BINARY } from '../support/packaged-mirror.ts'
import { status } from '../support/scripted-reply.ts'
import { knownRepositories } from '../support/store-invariants.ts'
import { REVALIDATE_ALWAYS, errorCode } from '../support/test-mirror.ts'
import type { Setting } from '../support/test-mirror.ts'
import {
  EVERYTHING,
  PRIVATE,
  PUBLIC,
  asked,
  registries,
  withLogin,
  withoutLogin,
} from './visibility-setting.ts'
import type { Repository } from './visibility-setting.ts'

const INDEX = MEDIA_TYPES.oci.index

const POLICIES: [string, PrivatePolicy, number][] = [
  ['deny', 'deny', 404],
  ['everyone', 'everyone', 200],
  ['a list with it', ['other/*', 'team/clo*'], 200],
  ['a list without it', ['other/*', 'team/open', 'closed'], 404],
]

async function statuses({ mirror }: Setting, repository: Repository): Promise<number[]> {
  const all: number[] = []
  for (const what of EVERYTHING) all.push((await mirror.get(repository[what])).status)
  for (const what of ['manifest', 'blob'] as const)
    all.push((await mirror.head(repository[what])).status)
  return all
}

for (const [name, policy, code] of POLICIES) {
  test(`private: ${name} answers ${code} for what needs a login, and 200 for the rest`, async () => {
    await using setting = await withLogin(policy)
    const each = Array.from({ length: EVERYTHING.length + 2 }, () => code)
    assert.deepEqual(await statuses(setting, PRIVATE), each)
    assert.deepEqual(await statuses(setting, PUBLIC), Array(each.length).fill(200))
    const { body } = await setting.mirror.get('/v2/_catalog')
    const listed = (JSON.parse(body.toString()) as { repositories: string[] }).repositories
    assert.equal(listed.includes('ghcr.io/team/closed'), code === 200)
    assert.ok(listed.includes('ghcr.io/team/open'))
  })

  test(`private: ${name} says ${code} of what is in the cache`, async () => {
    await using setting = await withLogin('everyone')
    const { mirror } = setting
    await statuses(setting, PRIVATE)
    await mirror.restart({ registries: registries(setting, policy) })
    const known = await statuses(setting, PRIVATE)
    assert.deepEqual(known, Array(known.length).fill(code))
    const match = { 'if-none-match': `"${PRIVATE.image.top.digest}"` }
    assert.equal((await mirror.get(PRIVATE.manifest, match)).status, code === 200 ? 304 : 404)
    await mirror.restart({ offline: true })
    const offline = await statuses(setting, PRIVATE)
    assert.deepEqual(offline, Array(known.length).fill(code))
  })
}

test('a refusal has the same words whether there is such a thing or not, and says what to do', async () => {
  await using setting = await withLogin('deny')
  const { mirror, upstream } = setting
  upstream.needLogin.add('team/nothing')
  const codes = ['MANIFEST_UNKNOWN', 'MANIFEST_UNKNOWN', 'BLOB_UNKNOWN', 'NAME_UNKNOWN']
  for (const [n, what] of (['manifest', 'byDigest', 'blob', 'tags'] as const).entries()) {
    const there = await mirror.get(PRIVATE[what])
    const nowhere = await mirror.get(PRIVATE[what].replace('team/closed', 'team/nothing'))
    assert.equal(errorCode(there), codes[n])
    assert.equal(nowhere.status, there.status)
    const words = there.body.toString()
    assert.equal(nowhere.body.toString().replaceAll('nothing', 'closed'), words)
    assert.match(words, /ghcr\.io\/team\/closed cannot be read without a login/)
    assert.match(words, /--private ghcr\.io=team\/closed/)
  }
  const told = mirror.lines.filter(({ message }) => message.includes('without a login'))
  assert.equal(told.length, 8, 'one line for each')
  assert.ok(told.every(({ level }) => level === 'info'))
})

test('a name that upstream refuses leaves nothing in the index', async () => {
  await using setting = await withLogin('deny')
  const { mirror, upstream } = setting
  for (const name of ['team/opne', 'team/coled']) {
    upstream.needLogin.add(name)
    for (const what of EVERYTHING) {
      const answer = await mirror.get(PUBLIC[what].replace(PUBLIC.name, name))
      assert.equal(answer.status, 404)
    }
  }
  await mirror.stop()
  assert.deepEqual(knownRepositories(mirror.folder), [])
})

test('a login changes nothing for public images but one HEAD', async () => {
  const pull = async (setting: Setting): Promise<string[]> => {
    for (let n = 0; n < 2; n += 1) {
      assert.deepEqual(new Set(await statuses(setting, PUBLIC)), new Set([200]))
    }
    return asked(setting)
  }
  await using plain = await withoutLogin()
  await using withOne = await withLogin('deny')
  for (const { upstream } of [plain, withOne]) upstream.needsToken = true
  const lines = await pull(plain)
  assert.deepEqual(await pull(withOne), ['HEAD team/open/manifests/1', ...lines])
})

for (const what of ['byDigest', 'blob', 'tags', 'referrers'] as const) {
  test(`a public repository of which the first thing asked is ${what} is recognised by that`, async () => {
    await using setting = await withLogin('deny')
    const { mirror } = setting
    assert.equal((await mirror.get(PUBLIC[what])).status, 200)
    asked(setting)
    assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
    const [first, second] = asked(setting)
    assert.equal(first, 'HEAD team/open/manifests/1')
    assert.notEqual(second, first)
  })
}

test('a private repository is asked about once, however many ask for whatever of it', async () => {
  await using setting = await withLogin('deny')
  await statuses(setting, PRIVATE)
  const [open, withToken, ...others] = setting.asked({ path: '/v2/', method: 'HEAD' })
  assert.deepEqual([open, withToken], Array(2).fill('HEAD team/closed/manifests/1'))
  assert.deepEqual(others, [])
  await statuses(setting, PRIVATE)
  assert.deepEqual(setting.asked(), [])
  // Nothing is kept of what nothing is held of.
  await setting.mirror.restart()
  await statuses(setting, PRIVATE)
  const heads = setting.asked({ path: '/v2/', method: 'HEAD' })
  assert.deepEqual(heads, [open, withToken])
})

const COUNTED = { skip: ON_BINARY && 'waits until all requests are in the mirror' }

// Of the private one: without a token and with one. Of the public one: the question, and a pull.
for (const [repository, expected, requests] of [
  [PUBLIC, 200, 3],
  [PRIVATE, 404, 2],
] as const) {
  test(`twenty first requests share one question: ${expected}`, COUNTED, async () => {
    await using setting = await withLogin('deny')
    const { mirror, upstream } = setting
    upstream.script({ method: 'HEAD', times: 1, reply: { holdHeaders: true } })
    const pulls = Array.from({ length: 20 }, (_, n) =>
      mirror.get(n % 2 === 0 ? repository.manifest : repository.byDigest),
    )
    // Who is refused is not held back.
    if (expected === 200) await setting.mirrorRuns(20)
    await setting.upstreamAsked(1)
    upstream.release()
    for (const answer of await Promise.all(pulls)) assert.equal(answer.status, expected)
    const upstreams = setting.asked({ path: /^\/v2\/./ })
    const heads = upstreams.filter((line) => line.startsWith('HEAD'))
    // Who refuses a HEAD with a token is asked by GET too.
    assert.equal(expected === 200 ? upstreams.length : heads.length, requests)
  })
}

test('a tag that is missing makes a repository neither private nor public', async () => {
  await using setting = await withLogin('deny')
  const { mirror } = setting
  const missing = await mirror.get(PUBLIC.manifest.replace(/1$/, 'nope'))
  assert.equal(missing.status, 404)
  assert.match(missing.body.toString(), /team\/open:nope was not found without a login/)
  setting.asked()
  await mirror.get(PUBLIC.manifest.replace(/1$/, 'nope'))
  assert.deepEqual(setting.asked(), [], 'asked again at once')
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
})

for (const [code, expected] of [
  [500, 502],
  [429, 503],
] as const) {
  test(`while nobody can say who may read it, upstream's failure is told: ${code}`, async () => {
    await using setting = await withLogin('everyone')
    const { mirror, upstream } = setting
    assert.equal((await mirror.get(PRIVATE.manifest)).status, 200)
    await mirror.restart({ registries: registries(setting, 'deny'), ...REVALIDATE_ALWAYS })
    upstream.script({ reply: status(code) })
    assert.equal((await mirror.get(PRIVATE.manifest)).status, 404, 'it was got by a login')
    assert.equal((await mirror.get(PUBLIC.manifest)).status, expected)
  })
}

test('a login that is added later locks nobody out, not even without upstream', async () => {
  await using setting = await withoutLogin()
  const { mirror, upstream } = setting
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  assert.equal((await mirror.get(PUBLIC.blob)).status, 200)
  await mirror.published(PUBLIC.blob.replace(/.*\//, ''))
  upstream.script({ reply: status(500) })
  for (const offline of [false, true]) {
    await mirror.restart({ registries: registries(setting, 'deny'), offline })
    for (const what of ['manifest', 'byDigest', 'blob'] as const) {
      assert.equal((await mirror.get(PUBLIC[what])).status, 200, `${what}, offline: ${offline}`)
    }
  }
})

test('a login that is removed later leaves private what was private', async () => {
  await using setting = await withLogin('everyone')
  const { mirror } = setting
  assert.deepEqual(new Set(await statuses(setting, PRIVATE)), new Set([200]))
  for (const offline of [false, true]) {
    await mirror.restart({ registries: registries(setting, 'deny', 'none'), offline })
    assert.deepEqual(new Set(await statuses(setting, PRIVATE)), new Set([404]))
  }
  await mirror.restart({ registries: registries(setting, ['team/*'], 'none'), offline: true })
  assert.equal((await mirror.get(PRIVATE.blob)).status, 200, 'the policy still holds')
})

test('referrers alone that a login brought are private as well', async () => {
  await using setting = await withLogin('everyone')
  const { mirror, upstream } = setting
  const signature = { ...PUBLIC.image.top, artifactType: 'application/signature' }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [signature] })
  upstream.script({
    path: '/referrers/',
    reply: { headers: { 'content-type': INDEX }, body, status: 200 },
  })
  const told = await mirror.get(PRIVATE.referrers)
  assert.match(told.body.toString(), /application\/signature/)
  for (const offline of [false, true]) {
    await mirror.restart({ registries: registries(setting, 'deny', 'none'), offline })
    assert.equal((await mirror.get(PRIVATE.referrers)).status, 404)
  }
})

test('a login that is refused: what is known is served with a warning, the rest is 403', async () => {
  await using setting = await withLogin('everyone', REVALIDATE_ALWAYS)
  const { mirror } = setting
  assert.equal((await mirror.get(PRIVATE.manifest)).status, 200)
  await mirror.restart({ registries: registries(setting, 'everyone', 'wrong') })
  const known = await mirror.get(PRIVATE.manifest)
  assert.equal(known.status, 200)
  assert.match(known.headers.get('warning') ?? '', /login/)
  const unknown = await mirror.get(PRIVATE.manifest.replace(/1$/, '2'))
  assert.equal(unknown.status, 403)
  assert.equal(errorCode(unknown), 'DENIED')
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
})
