import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import {
  MANIFEST,
  NAME,
  TAG,
  redirectTo,
  registryOf,
  sendError,
  sendJson,
  sendManifest,
  sendPage,
  serve,
  upstreamError,
} from './upstream-server.ts'
import type { Server } from './upstream-server.ts'

const MANIFEST_PATH = '/v2/library/nginx/manifests/1.27'

interface TokenScript {
  readonly good?: (token: string | undefined) => boolean
  readonly challenge?: (realm: string) => string | string[] | undefined
  readonly answer?: (response: ServerResponse, count: number) => void
}

// A registry and its token server; tokens are t1, t2, ... unless the script answers itself.
async function withTokens(t: TestContext, script: TokenScript = {}): Promise<[Server, Server]> {
  let count = 0
  const tokens = await serve(t, (_request, response) => {
    count++
    if (script.answer) script.answer(response, count)
    else sendJson(response, { token: `t${count}`, expires_in: 300 })
  })
  const { good = (token) => token !== undefined } = script
  const challenge =
    script.challenge ?? ((realm) => `Bearer realm="${realm}",service="registry.test"`)
  const registry = await serve(t, (request, response) => {
    if (good(tokenOf(request))) return sendManifest(response, request)
    const header = challenge(`${tokens.url}/token`)
    if (header !== undefined) response.setHeader('www-authenticate', header)
    sendError(response, 401, {}, 'authentication required')
  })
  return [registry, tokens]
}

function tokenOf(request: IncomingMessage): string | undefined {
  return /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
}

test('a token is fetched once and then sent with every request', async (t) => {
  const [registry, tokens] = await withTokens(t)
  const upstream = registryOf(t, [registry.url])
  const first = await upstream.getManifest(NAME, TAG)
  await upstream.getManifest(NAME, TAG)
  await upstream.headManifest(NAME, TAG)
  assert.deepEqual(first?.bytes, MANIFEST)
  const get = `GET ${MANIFEST_PATH}`
  assert.deepEqual(registry.lines(), [get, get, get, `HEAD ${MANIFEST_PATH}`])
  assert.equal(tokens.asked.length, 1)
  const query = tokens.asked[0]?.query
  assert.equal(query?.get('service'), 'registry.test')
  assert.equal(query?.get('scope'), 'repository:library/nginx:pull')
})

test('twenty at once share one token request', async (t) => {
  const [registry, tokens] = await withTokens(t)
  const upstream = registryOf(t, [registry.url])
  await Promise.all(Array.from({ length: 20 }, () => upstream.getManifest(NAME, TAG)))
  assert.equal(tokens.asked.length, 1)
})

test('the scope of the 401 is used verbatim, and no service where none was named', async (t) => {
  const challenge = (realm: string): string => `Bearer realm=${realm},scope="aws"`
  const [registry, tokens] = await withTokens(t, { challenge })
  await registryOf(t, [registry.url]).getManifest(NAME, TAG)
  assert.equal(tokens.asked[0]?.query.toString(), 'scope=aws')
})

test('a token is renewed when its time is over, without a 401', async (t) => {
  const [registry, tokens] = await withTokens(t)
  let nowMs = Date.now()
  const upstream = registryOf(t, [registry.url], { now: () => nowMs })
  await upstream.getManifest(NAME, TAG)
  nowMs += 269_000
  await upstream.getManifest(NAME, TAG)
  assert.equal(tokens.asked.length, 1)
  nowMs += 2_000
  await upstream.getManifest(NAME, TAG)
  assert.equal(tokens.asked.length, 2)
  assert.equal(registry.asked.length, 4)
})

test('a cached token that is refused is dropped, and the dance starts again in the open', async (t) => {
  let valid = 't1'
  const [registry, tokens] = await withTokens(t, { good: (token) => token === valid })
  const upstream = registryOf(t, [registry.url])
  await upstream.getManifest(NAME, TAG)
  valid = 't2'
  registry.asked.length = 0
  assert.deepEqual((await upstream.getManifest(NAME, TAG))?.bytes, MANIFEST)
  const sent = registry.asked.map(({ headers }) => headers.authorization)
  assert.deepEqual(sent, ['Bearer t1', undefined, 'Bearer t2'])
  assert.equal(tokens.asked.length, 2)
})

test('a HEAD that is 401 with any token is asked by GET', async (t) => {
  const tokens = await serve(t, (_request, response) => sendJson(response, { token: 't' }))
  const registry = await serve(t, (request, response) => {
    const isGood = request.method === 'GET' && tokenOf(request) !== undefined
    if (isGood) return sendManifest(response, request)
    const challenge = `Bearer realm="${tokens.url}/token",service="registry.test"`
    sendError(response, 401, { 'www-authenticate': challenge })
  })
  const head = await registryOf(t, [registry.url]).headManifest(NAME, TAG)
  assert.equal(head?.digest, digestOf(MANIFEST))
})

test('two 401 in a row: not visible to the anonymous, and nothing is retried', async (t) => {
  const [registry, tokens] = await withTokens(t, { good: () => false })
  const wanted = upstreamError(
    'not-visible',
    /answered 401 to GET .*1\.27: authentication required$/,
  )
  await assert.rejects(registryOf(t, [registry.url]).getManifest(NAME, TAG), wanted)
  assert.equal(registry.asked.length, 2)
  assert.equal(tokens.asked.length, 1)
})

for (const status of [401, 403]) {
  test(`${status} of the token server: not visible`, async (t) => {
    const answer = (response: ServerResponse): void =>
      sendJson(response, { details: 'no such project' }, status)
    const [registry, tokens] = await withTokens(t, { answer })
    const wanted = upstreamError(
      'not-visible',
      new RegExp(`${status} to the token request.*project$`),
    )
    await assert.rejects(registryOf(t, [registry.url]).getManifest(NAME, TAG), wanted)
    assert.equal(tokens.asked.length, 1)
  })
}

test('a token server that is limiting pauses the endpoint', async (t) => {
  const answer = (response: ServerResponse): void =>
    sendError(response, 429, { 'retry-after': '60' })
  const [registry] = await withTokens(t, { answer })
  const upstream = registryOf(t, [registry.url])
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('rate-limited'))
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('rate-limited', /left alone/))
  assert.equal(registry.asked.length, 1)
})

test('a token server that fails for a moment is asked again', async (t) => {
  const answer = (response: ServerResponse, count: number): void =>
    count === 1 ? sendError(response, 503) : sendJson(response, { access_token: 'late' })
  const [registry, tokens] = await withTokens(t, { answer })
  assert.ok(await registryOf(t, [registry.url]).getManifest(NAME, TAG))
  assert.equal(tokens.asked.length, 2)
})

test('a token server that answers a page: a bad response', async (t) => {
  const [registry] = await withTokens(t, { answer: (response) => sendPage(response, 200) })
  const wanted = upstreamError('bad-response', /gave no token/)
  await assert.rejects(registryOf(t, [registry.url]).getManifest(NAME, TAG), wanted)
})

test('a 401 without a challenge: the ping has one, but its scope is not believed', async (t) => {
  const tokens = await serve(t, (_request, response) => sendJson(response, { token: 'good' }))
  const registry = await serve(t, (request, response) => {
    if (tokenOf(request) === 'good') return sendManifest(response, request)
    const realm = `Bearer realm="${tokens.url}/token",scope="repository:user/image:pull"`
    sendError(response, 401, request.url === '/v2/' ? { 'www-authenticate': realm } : {})
  })
  assert.ok(await registryOf(t, [registry.url]).getManifest(NAME, TAG))
  const get = `GET ${MANIFEST_PATH}`
  assert.deepEqual(registry.lines(), [get, 'GET /v2/', get])
  assert.equal(tokens.asked[0]?.query.get('scope'), 'repository:library/nginx:pull')
})

test('a 401 without any challenge: not visible', async (t) => {
  const [registry] = await withTokens(t, { challenge: () => undefined })
  const upstream = registryOf(t, [registry.url])
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('not-visible'))
  assert.deepEqual(registry.lines(), [`GET ${MANIFEST_PATH}`, 'GET /v2/'])
})

test('Basic beside Bearer, in two headers and a relative realm', async (t) => {
  const registry = await serve(t, (request, response) => {
    if (request.url?.startsWith('/auth?')) return sendJson(response, { token: 'good' })
    if (tokenOf(request) === 'good') return sendManifest(response, request)
    response.setHeader('www-authenticate', ['Basic realm="x"', 'bearer realm="/auth",service=s'])
    sendError(response, 401)
  })
  assert.ok(await registryOf(t, [registry.url]).getManifest(NAME, TAG))
  assert.equal(registry.lines()[1], 'GET /auth')
})

test('the host behind a redirect may ask for a token of its own, and only it is sent that', async (t) => {
  const [target, tokens] = await withTokens(t)
  const registry = await serve(t, (request, response) => {
    redirectTo(response, `${target.url}${request.url?.replace('library', 'k8s/images')}`)
  })
  const upstream = registryOf(t, [registry.url])
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.ok(await upstream.headManifest(NAME, TAG))
  assert.equal(tokens.asked[0]?.query.get('scope'), 'repository:k8s/images/nginx:pull')
  assert.deepEqual(
    target.asked.map(({ headers }) => headers.authorization),
    [undefined, 'Bearer t1', 'Bearer t1'],
  )
  assert.ok(registry.asked.every(({ headers }) => headers.authorization === undefined))
})
