// Every way in which registries want a login, as real ones ask for it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../src/lib/secret.ts'
import { parseRepositoryName } from '../../src/oci/name.ts'
import type { RepositoryName } from '../../src/oci/name.ts'
import type { Login } from '../../src/upstream/login.ts'
import {
  BASIC,
  IDENTITY,
  PASSWORD,
  RIGHT,
  USER,
  basicOf,
  bearerOf,
  byPassword,
  credentials,
  guarded,
  sent,
  tokenFor,
  tokenServer,
} from './login-servers.ts'
import type { Guard } from './login-servers.ts'
import { MANIFEST, NAME, TAG, registryOf, sendManifest, serve } from './upstream-server.ts'

const OTHER = parseRepositoryName('library/other') as RepositoryName
const MINE = `Bearer ${USER}_repository:library/nginx:pull`
const onlyMine: Guard['admits'] = (authorization) =>
  authorization?.startsWith(`Bearer ${USER}`) === true

function as(login: Login) {
  return { settings: { credentials: credentials(login) } }
}

test('Bearer: the token server gets the login and the account, the registry only the token', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  const upstream = registryOf(t, [registry.url], as(RIGHT))

  const first = await upstream.getManifest(NAME, TAG)
  await upstream.headManifest(NAME, TAG)

  assert.deepEqual(first?.bytes, MANIFEST)
  assert.equal(first.isAnonymous, false)
  assert.deepEqual(sent(registry), [
    'GET manifests/1.27 -',
    `GET manifests/1.27 ${MINE}`,
    `HEAD manifests/1.27 ${MINE}`,
  ])
  const [check, asked, ...more] = tokens.questions
  assert.deepEqual(more, [])
  assert.equal(check?.query.toString(), `service=registry.test&account=${USER}`)
  assert.equal(
    asked?.query.toString(),
    `service=registry.test&scope=repository%3Alibrary%2Fnginx%3Apull&account=${USER}`,
  )
  assert.deepEqual([check?.authorization, asked?.authorization], [BASIC, BASIC])
})

test('twenty at once, and another repository later: the login is tried once', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  const upstream = registryOf(t, [registry.url], as(RIGHT))
  await Promise.all(Array.from({ length: 20 }, () => upstream.getManifest(NAME, TAG)))
  await upstream.getManifest(OTHER, TAG)
  const scopes = tokens.questions.map(({ query }) => query.get('scope'))
  assert.deepEqual(scopes, [null, 'repository:library/nginx:pull', 'repository:library/other:pull'])
})

test('an identity token goes to the token server by POST, as OAuth2 has it', async (t) => {
  const tokens = await tokenServer(t, (question) => tokenFor(question, USER))
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  assert.ok(await registryOf(t, [registry.url], as(IDENTITY)).getManifest(NAME, TAG))
  const asked = tokens.questions.at(-1)
  assert.deepEqual(tokens.lines(), ['POST /token', 'POST /token'])
  assert.deepEqual(Object.fromEntries(asked?.form ?? []), {
    grant_type: 'refresh_token',
    refresh_token: 'identity-Tr0ub4dor',
    client_id: 'regmirror',
    service: 'registry.test',
    scope: 'repository:library/nginx:pull',
  })
  assert.equal(asked?.authorization, undefined)
})

for (const status of [400, 401, 404, 405]) {
  test(`a token server that answers ${status} to POST is asked by GET from then on`, async (t) => {
    const tokens = await tokenServer(t, (question) =>
      question.method === 'POST' ? [status, {}] : tokenFor(question, USER),
    )
    const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
    const upstream = registryOf(t, [registry.url], as(IDENTITY))
    assert.ok(await upstream.getManifest(NAME, TAG))
    assert.ok(await upstream.getManifest(OTHER, TAG))
    const gets = ['GET /token', 'GET /token', 'GET /token']
    assert.deepEqual(tokens.lines(), ['POST /token', ...gets])
    assert.equal(tokens.questions.at(-1)?.authorization, basicOf('', 'identity-Tr0ub4dor'))
  })
}

for (const status of [404, 405]) {
  test(`a token server that answers ${status} to GET gets the password by POST`, async (t) => {
    const tokens = await tokenServer(t, (question) => {
      if (question.method === 'GET') return [status, {}]
      const { form } = question
      const isRight = form.get('username') === USER && form.get('password') === PASSWORD
      return isRight && form.get('grant_type') === 'password' ? tokenFor(question, USER) : [401, {}]
    })
    const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
    assert.ok(await registryOf(t, [registry.url], as(RIGHT)).getManifest(NAME, TAG))
    assert.deepEqual(tokens.lines(), ['GET /token', 'POST /token', 'POST /token'])
  })
}

test('a registry token is sent as it is', async (t) => {
  const challenge = 'Bearer realm="/token"'
  const token = 'ready-Tr0ub4dor'
  const login = { kind: 'registry-token', token: new Secret(token) } as const
  const admits: Guard['admits'] = (authorization) => authorization === `Bearer ${token}`
  const registry = await guarded(t, { challenge, admits })
  assert.ok(await registryOf(t, [registry.url], as(login)).getManifest(NAME, TAG))
  assert.deepEqual(registry.lines(), [
    'GET /v2/library/nginx/manifests/1.27',
    'GET /v2/',
    'GET /v2/',
    'GET /v2/library/nginx/manifests/1.27',
  ])
})

test('Basic: tried at /v2/ once, then sent with every request', async (t) => {
  const admits: Guard['admits'] = (authorization) => authorization === BASIC
  const registry = await guarded(t, { challenge: 'Basic realm="Registry"', admits })
  const upstream = registryOf(t, [registry.url], as(RIGHT))
  const first = await upstream.getManifest(NAME, TAG)
  await upstream.getManifest(NAME, TAG)
  assert.equal(first?.isAnonymous, false)
  const [open, tried, ...rest] = sent(registry)
  assert.equal(open, 'GET manifests/1.27 -')
  assert.equal(tried, `GET /v2/ ${BASIC}`)
  assert.deepEqual(
    rest.filter((line) => line !== 'GET /v2/ -'),
    [`GET manifests/1.27 ${BASIC}`, `GET manifests/1.27 ${BASIC}`],
  )
})

const BOTH: readonly (readonly [string, (bearer: string) => string | string[]])[] = [
  ['Gitea, Bearer first', (bearer) => `${bearer},scope="*",Basic realm="Gitea Package API"`],
  ['quay.io, Basic first', (bearer) => `Basic realm="quay", ${bearer}`],
  ['two headers', (bearer) => ['Basic realm="x"', bearer]],
]

for (const [name, challenge] of BOTH) {
  test(`${name}: Bearer is taken, and the registry never sees the password`, async (t) => {
    const tokens = await tokenServer(t)
    const registry = await guarded(t, {
      challenge: challenge(bearerOf(tokens)),
      admits: onlyMine,
    })
    assert.ok(await registryOf(t, [registry.url], as(RIGHT)).getManifest(NAME, TAG))
    assert.ok(sent(registry).every((line) => !line.includes('Basic')))
  })
}

test('a 401 without a challenge: the ping tells whom to ask', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await serve(t, (request, response) => {
    const { authorization } = request.headers
    if (authorization?.startsWith(`Bearer ${USER}`)) return sendManifest(response, request)
    const bearer = `${bearerOf(tokens)},scope="repository:user/image:pull"`
    if (request.url === '/v2/') response.setHeader('www-authenticate', bearer)
    response.writeHead(401).end()
  })
  assert.ok(await registryOf(t, [registry.url], as(RIGHT)).getManifest(NAME, TAG))
  assert.equal(tokens.questions.at(-1)?.query.get('scope'), 'repository:library/nginx:pull')
})

for (const status of [403, 404]) {
  test(`what is ${status} to the anonymous may be there for the login`, async (t) => {
    const tokens = await tokenServer(t)
    const registry = await serve(t, (request, response) => {
      const { authorization } = request.headers
      if (authorization?.startsWith(`Bearer ${USER}`)) return sendManifest(response, request)
      if (request.url !== '/v2/') return void response.writeHead(status).end()
      response.writeHead(401, { 'www-authenticate': bearerOf(tokens) }).end()
    })
    const upstream = registryOf(t, [registry.url], as(RIGHT))
    assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
    await upstream.getManifest(NAME, TAG)
    const pings = registry.lines().filter((line) => line === 'GET /v2/')
    assert.equal(pings.length, 1)
  })
}

test('a relative realm, no service, access_token only', async (t) => {
  const registry = await serve(t, (request, response) => {
    const { authorization, host } = request.headers
    if (authorization === 'Bearer good') return sendManifest(response, request)
    if (request.url?.startsWith('/auth/token?')) {
      const isRight = authorization === BASIC
      return void response.writeHead(isRight ? 200 : 401).end('{"access_token":"good"}')
    }
    assert.ok(host)
    response.writeHead(401, { 'www-authenticate': 'Bearer realm=/auth/token' }).end()
  })
  assert.ok(await registryOf(t, [registry.url], as(RIGHT)).getManifest(NAME, TAG))
  const queries = registry.asked.map(({ query }) => query.toString())
  const scope = 'scope=repository%3Alibrary%2Fnginx%3Apull'
  assert.deepEqual(queries, ['', `account=${USER}`, `${scope}&account=${USER}`, ''])
})

test('an expired token that is refused with another realm: the dance starts again in the open', async (t) => {
  let count = 0
  const old = await tokenServer(t, () => [200, { token: `${USER}${++count}` }])
  const moved = await tokenServer(t)
  let valid = `Bearer ${USER}2`
  const registry = await serve(t, (request, response) => {
    const { authorization } = request.headers
    if (authorization === valid) return sendManifest(response, request)
    const realm = authorization === undefined ? old : moved
    response.writeHead(401, { 'www-authenticate': bearerOf(realm) }).end()
  })
  const upstream = registryOf(t, [registry.url], as(RIGHT))
  assert.ok(await upstream.getManifest(NAME, TAG))
  valid = `Bearer ${USER}3`
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.equal(moved.questions.length, 0)
})

test('a token server that gives nothing without a scope: the login is tried with the first one', async (t) => {
  const tokens = await tokenServer(t, (question) =>
    question.query.has('scope') ? byPassword(question) : [400, { message: 'scope is missing' }],
  )
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  assert.ok(await registryOf(t, [registry.url], as(RIGHT)).getManifest(NAME, TAG))
})

test('what needs no login gets none, although there is one', async (t) => {
  const registry = await guarded(t, { challenge: undefined, admits: () => true })
  const upstream = registryOf(t, [registry.url], as(RIGHT))
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, true)
  assert.deepEqual(sent(registry), ['GET manifests/1.27 -'])
})

test('asked anonymously: no login, and a token of its own', async (t) => {
  const tokens = await tokenServer(t)
  const admits: Guard['admits'] = (authorization) => authorization !== undefined
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits })
  const upstream = registryOf(t, [registry.url], as(RIGHT))
  await upstream.headManifest(NAME, TAG)
  const before = tokens.questions.length
  const anybody = await upstream.headManifest(NAME, TAG, { anonymously: true })
  const mine = await upstream.headManifest(NAME, TAG)
  assert.deepEqual([anybody?.isAnonymous, mine?.isAnonymous], [true, false])
  assert.deepEqual(
    tokens.questions.slice(before).map(({ authorization }) => authorization),
    [undefined],
  )
  assert.ok(
    sent(registry).includes('HEAD manifests/1.27 Bearer anybody_repository:library/nginx:pull'),
  )
})
