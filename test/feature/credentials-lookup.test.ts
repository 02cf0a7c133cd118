// Finding a login takes as long as a helper likes: whoever needs none does not wait for it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Credentials, FoundLogin } from '../../src/upstream/login.ts'
import {
  BASIC,
  ORIGIN,
  RIGHT,
  bearerOf,
  credentials,
  guarded,
  sent,
  tokenServer,
} from './login-servers.ts'
import type { Guard } from './login-servers.ts'
import { NAME, SILENT, TAG, registryOf, upstreamError } from './upstream-server.ts'

const withToken: Guard['admits'] = (authorization) => authorization?.startsWith('Bearer ') === true
const onlyBasic: Guard['admits'] = (authorization) => authorization === BASIC
const challenge = 'Basic realm="x"'

/** A helper that hangs until it is told what to answer. */
function hanging() {
  const answer = Promise.withResolvers<FoundLogin | undefined>()
  const asked: (string | undefined)[] = []
  const source: Credentials = {
    mayExist: true,
    login(repository) {
      asked.push(repository)
      return answer.promise
    },
  }
  const troubles: string[] = []
  const leftAlone: string[] = []
  const events = {
    ...SILENT,
    loginTrouble: (_: string, trouble: string) => void troubles.push(trouble),
    leftAlone: ({ because }: { because: string }) => void leftAlone.push(because),
  }
  return {
    answer,
    asked,
    troubles,
    leftAlone,
    options: { settings: { credentials: source }, events },
  }
}

test('what is open to everybody is had without looking for a login', async (t) => {
  const { asked, options } = hanging()
  const one = await guarded(t, { challenge: undefined, admits: () => true })
  const two = await guarded(t, { challenge: undefined, admits: () => true })
  const upstream = registryOf(t, [one.url, two.url], options)
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.ok(await upstream.headManifest(NAME, TAG))
  assert.deepEqual(asked, [])
  assert.deepEqual([one.asked.length, two.asked.length], [2, 0])
})

test('what anybody gets a token for is had without the login, for which one waits once', async (t) => {
  const { asked, troubles, leftAlone, options } = hanging()
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: withToken })
  const limits = { loginLookupMs: 20, manifestBudgetMs: 10_000 }
  const upstream = registryOf(t, [registry.url], { ...options, limits })
  for (let time = 0; time < 3; time++) {
    assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, true)
  }
  assert.equal(asked.length, 1)
  assert.equal(troubles.length, 1)
  assert.match(troubles[0] ?? '', /^docker\.io: its login cannot be used: .* within 0\.02 s$/)
  assert.deepEqual(leftAlone, [])
  assert.equal(upstream.status().endpoints[0]?.state, 'working')
})

test('what is private is refused with that reason, and had as soon as the helper answers', async (t) => {
  const { answer, leftAlone, options } = hanging()
  const registry = await guarded(t, { challenge, admits: onlyBasic })
  const upstream = registryOf(t, [registry.url], { ...options, limits: { loginLookupMs: 20 } })
  const wanted = upstreamError('unauthorized', /its login cannot be used: .* within 0\.02 s$/)
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  assert.equal(upstream.status().login, 'refused')
  answer.resolve({ login: RIGHT, origin: ORIGIN })
  await answer.promise
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
  assert.equal(upstream.status().login, 'configured')
  assert.deepEqual(leftAlone, [])
})

test('an endpoint whose time goes by while a login is looked for is not set aside', async (t) => {
  const { leftAlone, options } = hanging()
  const mirror = await guarded(t, { challenge, admits: onlyBasic })
  const origin = await guarded(t, { challenge, admits: onlyBasic })
  const limits = { loginLookupMs: 60_000, manifestBudgetMs: 300 }
  const upstream = registryOf(t, [mirror.url, origin.url], { ...options, limits })
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('unauthorized'))
  assert.deepEqual([mirror.asked.length, origin.asked.length], [1, 1])
  assert.deepEqual(leftAlone, [])
  const states = upstream.status().endpoints.map(({ state }) => state)
  assert.deepEqual(states, ['working', 'working'])
})

test('a source without a login for this registry costs no request', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: withToken })
  const upstream = registryOf(t, [registry.url], { settings: { credentials: credentials() } })
  for (let time = 0; time < 3; time++) await upstream.getManifest(NAME, TAG)
  const withOne = 'GET manifests/1.27 Bearer anybody_repository:library/nginx:pull'
  assert.deepEqual(sent(registry), ['GET manifests/1.27 -', withOne, withOne, withOne])
})

test('a login that comes while the server runs is used for what it was refused without', async (t) => {
  const found: { login?: FoundLogin } = {}
  const source: Credentials = { mayExist: true, login: () => Promise.resolve(found.login) }
  const registry = await guarded(t, { challenge, admits: onlyBasic })
  const upstream = registryOf(t, [registry.url], { settings: { credentials: source } })
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('not-visible'))
  found.login = { login: RIGHT, origin: ORIGIN }
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
})
