// Where a login must never go: redirect targets, other people's token servers, mirrors of the
// registry, messages.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import {
  BASIC,
  RIGHT,
  USER,
  allSentTo,
  assertNoSecret,
  bearerOf,
  credentials,
  guarded,
  refuse,
  sent,
  tokenFor,
  tokenServer,
} from './login-servers.ts'
import type { Guard, TokenServer } from './login-servers.ts'
import {
  BLOB,
  BLOB_DIGEST,
  NAME,
  SILENT,
  TAG,
  read,
  redirectTo,
  registryOf,
  sendError,
  sendManifest,
  serve,
  upstreamError,
} from './upstream-server.ts'

const withToken: Guard['admits'] = (authorization) => authorization?.startsWith('Bearer ') === true
const onlyMine: Guard['admits'] = (authorization) =>
  authorization?.startsWith(`Bearer ${USER}`) === true

/** The same server under a name that is another host for whoever compares names. */
function elsewhere<T extends { readonly url: string }>(server: T): T {
  return { ...server, url: server.url.replace('127.0.0.1', 'localhost') }
}

function listening(trustedHosts: readonly string[] = []) {
  const troubles: string[] = []
  const events = {
    ...SILENT,
    loginTrouble: (_: string, trouble: string) => void troubles.push(trouble),
  }
  return {
    troubles,
    options: { settings: { credentials: credentials(RIGHT), trustedHosts }, events },
  }
}

const TARGET_CHALLENGES: readonly (readonly [string, (tokens: TokenServer) => string])[] = [
  ['Basic', () => 'Basic realm="give it to me"'],
  ['Bearer at its own token server', (tokens) => bearerOf(tokens)],
]

for (const [name, challenge] of TARGET_CHALLENGES) {
  test(`a redirect target that asks for ${name} gets neither login nor token`, async (t) => {
    const theirs = await tokenServer(t, (question) => tokenFor(question, 'anybody'))
    const target = await serve(t, (_request, response) =>
      refuse(response, { challenge: challenge(theirs), admits: () => false }),
    )
    const registry = await serve(t, (request, response) => {
      if (request.headers.authorization === BASIC)
        return redirectTo(response, `${target.url}/signed`)
      sendError(response, 401, { 'www-authenticate': 'Basic realm="x"' })
    })
    const upstream = registryOf(t, [registry.url], listening().options)
    await assert.rejects(upstream.openBlob(NAME, BLOB_DIGEST))
    assert.ok(target.asked.length > 0)
    assertNoSecret(allSentTo(target), allSentTo(theirs))
    assert.ok(theirs.questions.every(({ authorization }) => authorization === undefined))
  })
}

test('a redirect target that wants a token of our own token server gets an anonymous one', async (t) => {
  const tokens = await tokenServer(t)
  const target = await guarded(t, { challenge: bearerOf(tokens), admits: withToken })
  const registry = await serve(t, (request, response) => {
    if (onlyMine(request.headers.authorization, request))
      return redirectTo(response, `${target.url}${request.url}`)
    sendError(response, 401, { 'www-authenticate': bearerOf(tokens) })
  })
  const upstream = registryOf(t, [registry.url], listening().options)
  const fetched = await upstream.getManifest(NAME, TAG)
  assert.equal(fetched?.isAnonymous, false, 'the way there took a login')
  assert.ok(sent(target).every((line) => !line.includes(`Bearer ${USER}`)))
})

test('a redirect to the same address keeps the login', async (t) => {
  const registry = await serve(t, (request, response) => {
    if (request.headers.authorization !== BASIC) {
      return sendError(response, 401, { 'www-authenticate': 'Basic realm="x"' })
    }
    if (request.url?.startsWith('/downloads')) return void response.end(BLOB)
    redirectTo(response, '/downloads/blob', 302)
  })
  const opened = await registryOf(t, [registry.url], listening().options).openBlob(
    NAME,
    BLOB_DIGEST,
  )
  assert.ok(opened)
  assert.deepEqual(await read(opened.body), BLOB)
})

async function withForeignRealm(t: TestContext) {
  const tokens = await tokenServer(t)
  const challenge = bearerOf(elsewhere(tokens))
  return { tokens, challenge, host: new URL(elsewhere(tokens).url).host }
}

test('a token server on another host is asked anonymously, and people are told once', async (t) => {
  const { tokens, challenge, host } = await withForeignRealm(t)
  const registry = await guarded(t, { challenge, admits: withToken })
  const { troubles, options } = listening()
  const upstream = registryOf(t, [registry.url], options)
  for (let time = 0; time < 3; time++) {
    assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, true)
  }
  assert.ok(tokens.questions.length > 0)
  assert.ok(tokens.questions.every(({ authorization }) => authorization === undefined))
  assertNoSecret(allSentTo(tokens), allSentTo(registry))
  assert.equal(troubles.length, 1)
  assert.match(troubles[0] ?? '', new RegExp(`not sent to ${host}.*trusted-hosts of docker\\.io`))
})

test('what only a login could read is then refused with that reason', async (t) => {
  const { challenge, host } = await withForeignRealm(t)
  const registry = await guarded(t, { challenge, admits: onlyMine })
  const upstream = registryOf(t, [registry.url], listening().options)
  const wanted = upstreamError('unauthorized', new RegExp(`not sent to ${host}`))
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
})

test('a token server that the operator trusts gets the login', async (t) => {
  const { tokens, challenge, host } = await withForeignRealm(t)
  const registry = await guarded(t, { challenge, admits: onlyMine })
  const upstream = registryOf(t, [registry.url], listening([host]).options)
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.equal(tokens.questions.at(-1)?.authorization, BASIC)
})

test('Basic beside a token server that may not have the login: the registry itself gets it', async (t) => {
  const { tokens, challenge } = await withForeignRealm(t)
  const admits: Guard['admits'] = (authorization) => authorization === BASIC
  const registry = await guarded(t, { challenge: `${challenge}, Basic realm="x"`, admits })
  assert.ok(await registryOf(t, [registry.url], listening().options).getManifest(NAME, TAG))
  assert.equal(tokens.questions.length, 0)
})

test('a token server that redirects elsewhere takes no login with it', async (t) => {
  const target = await tokenServer(t, (question) => tokenFor(question, USER))
  const registry = await serve(t, (request, response) => {
    if (request.url?.startsWith('/token')) return redirectTo(response, `${target.url}/token`)
    if (onlyMine(request.headers.authorization, request)) return sendManifest(response, request)
    sendError(response, 401, { 'www-authenticate': 'Bearer realm="/token"' })
  })
  await registryOf(t, [registry.url], listening().options).getManifest(NAME, TAG)
  assert.ok(target.questions.length > 0)
  assertNoSecret(allSentTo(target))
})

for (const kind of ['Basic', 'Bearer'] as const) {
  test(`a mirror of the registry that asks for ${kind} does not get the registry's login`, async (t) => {
    const theirs = await tokenServer(t, (question) => tokenFor(question, 'anybody'))
    const challenge = kind === 'Basic' ? 'Basic realm="x"' : bearerOf(elsewhere(theirs))
    const mirror = await guarded(t, { challenge, admits: () => false })
    const admits: Guard['admits'] = (authorization) => authorization === BASIC
    const origin = await guarded(t, { challenge: 'Basic realm="x"', admits })
    const { troubles, options } = listening()
    const upstream = registryOf(t, [elsewhere(mirror).url, origin.url], options)
    assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
    assert.ok(mirror.asked.length > 0)
    assertNoSecret(allSentTo(mirror), allSentTo(theirs))
    assert.deepEqual(troubles, [])
  })
}
