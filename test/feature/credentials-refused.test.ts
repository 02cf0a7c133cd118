// A login that does not work: it locks nobody out, is not tried again and again, and is told of once.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LoginError } from '../../src/errors.ts'
import { DEFAULT_LIMITS } from '../../src/upstream/limits.ts'
import type { Credentials } from '../../src/upstream/login.ts'
import {
  BASIC,
  ORIGIN,
  REMEDY,
  RIGHT,
  USER,
  WRONG,
  assertNoSecret,
  bearerOf,
  byPassword,
  credentials,
  guarded,
  refuse,
  sent,
  tokenServer,
} from './login-servers.ts'
import type { Guard } from './login-servers.ts'
import {
  NAME,
  SILENT,
  TAG,
  registryOf,
  sendJson,
  sendManifest,
  serve,
  upstreamError,
} from './upstream-server.ts'

const withToken: Guard['admits'] = (authorization) => authorization?.startsWith('Bearer ') === true
const onlyMine: Guard['admits'] = (authorization) =>
  authorization?.startsWith(`Bearer ${USER}`) === true

function listening(settings: { credentials: Credentials }, now = Date.now) {
  const troubles: string[] = []
  const events = {
    ...SILENT,
    loginTrouble: (_: string, trouble: string) => void troubles.push(trouble),
  }
  return { troubles, options: { settings, events, now } }
}

test('Bearer: a wrong login is sent once, and what is public goes on', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: withToken })
  const { troubles, options } = listening({ credentials: credentials(WRONG) })
  const upstream = registryOf(t, [registry.url], options)
  assert.equal(upstream.status().login, 'configured')

  const all = await Promise.all(Array.from({ length: 20 }, () => upstream.headManifest(NAME, TAG)))

  assert.ok(all.every((head) => head?.isAnonymous === true))
  const withLogin = tokens.questions.filter(({ authorization }) => authorization !== undefined)
  assert.equal(withLogin.length, 1)
  assert.equal(upstream.status().login, 'refused')
  assert.equal(troubles.length, 1)
  const [trouble = ''] = troubles
  assert.match(trouble, /^docker\.io: 127\.0\.0\.1:\d+ answered 401 to the login from/)
  for (const part of [ORIGIN, `; ${REMEDY}`]) assert.ok(trouble.includes(part))
  assertNoSecret(trouble)
  registry.asked.length = 0
  await upstream.headManifest(NAME, TAG)
  assert.equal(registry.asked.length, 1, 'as if there were no login')
})

test('a wrong login: what is private is refused with the reason', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  const { options } = listening({ credentials: credentials(WRONG) })
  const upstream = registryOf(t, [registry.url], options)
  for (let time = 0; time < 2; time++) {
    const wanted = upstreamError(
      'unauthorized',
      /answered 401 to the login from .*; put a working one there$/,
    )
    await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  }
})

test('a token server that refuses the anonymous too: refused with the reason', async (t) => {
  const tokens = await tokenServer(t, () => [403, { message: 'denied' }])
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  const { options } = listening({ credentials: credentials(RIGHT) })
  const wanted = upstreamError('unauthorized', /answered 403 to the login from .*: denied; put/)
  await assert.rejects(registryOf(t, [registry.url], options).getManifest(NAME, TAG), wanted)
})

test('a refused login is tried again after a while', async (t) => {
  let works = false
  const tokens = await tokenServer(t, (question) =>
    question.authorization !== undefined && !works ? [401, {}] : byPassword(question),
  )
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: withToken })
  let nowMs = Date.now()
  const { options } = listening({ credentials: credentials(RIGHT) }, () => nowMs)
  const upstream = registryOf(t, [registry.url], options)
  await upstream.headManifest(NAME, TAG)
  works = true
  nowMs += DEFAULT_LIMITS.loginRefusedMs - 1000
  assert.equal((await upstream.headManifest(NAME, TAG))?.isAnonymous, true)
  nowMs += 2000
  assert.equal((await upstream.headManifest(NAME, TAG))?.isAnonymous, false)
  assert.equal(upstream.status().login, 'configured')
})

test('Basic: a wrong login is sent once', async (t) => {
  const admits: Guard['admits'] = (authorization) => authorization === BASIC
  const registry = await guarded(t, { challenge: 'Basic realm="x"', admits })
  const { troubles, options } = listening({ credentials: credentials(WRONG) })
  const upstream = registryOf(t, [registry.url], options)
  const wanted = upstreamError('unauthorized', /answered 401 to the login from/)
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  assert.equal(sent(registry).filter((line) => line.includes('Basic')).length, 1)
  assert.equal(troubles.length, 1)
  assertNoSecret(...troubles)
})

test('Basic where /v2/ is open to all: a 401 to the login is a refusal of it', async (t) => {
  const guard = { challenge: 'Basic realm="x"', admits: () => false }
  const registry = await serve(t, (request, response) =>
    request.url === '/v2/' ? sendJson(response, {}) : refuse(response, guard),
  )
  const { troubles, options } = listening({ credentials: credentials(WRONG) })
  const wanted = upstreamError('unauthorized', /answered 401 to the login/)
  await assert.rejects(registryOf(t, [registry.url], options).getManifest(NAME, TAG), wanted)
  assert.equal(troubles.length, 1)
})

test('a login that its source renews is used at once, and nobody is told', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  const { troubles, options } = listening({ credentials: credentials(WRONG, RIGHT) })
  const upstream = registryOf(t, [registry.url], options)
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
  assert.deepEqual(troubles, [])
})

test('a password that has expired since: found out by a refusal, renewed, and the pull goes on', async (t) => {
  let accepted = BASIC
  const next = { ...RIGHT, username: 'robot2' } as const
  const registry = await serve(t, (request, response) => {
    const { authorization } = request.headers
    if (authorization === accepted) return sendManifest(response, request)
    // As ECR has it.
    const status = authorization === undefined ? 401 : 403
    refuse(response, { challenge: 'Basic realm="x"', admits: () => false, status })
  })
  let nowMs = Date.now()
  const { options } = listening({ credentials: credentials(RIGHT, next) }, () => nowMs)
  const upstream = registryOf(t, [registry.url], options)
  assert.ok(await upstream.getManifest(NAME, TAG))
  nowMs += 12 * 3_600_000
  accepted = BASIC.replace(
    /.*/,
    () => `Basic ${Buffer.from(`robot2:${passwordOf(next)}`).toString('base64')}`,
  )
  assert.ok(await upstream.getManifest(NAME, TAG))
})

test('a login that cannot be had: public goes on, private is refused in the words of the source', async (t) => {
  const tokens = await tokenServer(t)
  let isPublic = true
  const admits: Guard['admits'] = (...asked) => (isPublic ? withToken(...asked) : false)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits })
  const broken: Credentials = {
    mayExist: true,
    login: () =>
      Promise.reject(new LoginError(`${ORIGIN} cannot be read (EACCES)`, { remedy: REMEDY })),
  }
  const { troubles, options } = listening({ credentials: broken })
  const upstream = registryOf(t, [registry.url], options)
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, true)
  isPublic = false
  const wanted = upstreamError(
    'unauthorized',
    /cannot be read \(EACCES\); put a working one there$/,
  )
  await assert.rejects(upstream.getManifest(NAME, TAG), wanted)
  assert.equal(troubles.length, 1)
  assert.equal(upstream.status().login, 'refused')
})

test('a repository that is refused to an accepted login is not visible, and the login stays good', async (t) => {
  const tokens = await tokenServer(t)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: () => false })
  const { troubles, options } = listening({ credentials: credentials(RIGHT) })
  const upstream = registryOf(t, [registry.url], options)
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('not-visible'))
  assert.deepEqual(troubles, [])
  assert.equal(upstream.status().login, 'configured')
})

test('a repository whose token is refused to an accepted login is not visible', async (t) => {
  const tokens = await tokenServer(t, (question) =>
    question.query.has('scope') ? [403, { message: 'denied' }] : byPassword(question),
  )
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: () => false })
  const { troubles, options } = listening({ credentials: credentials(RIGHT) })
  const upstream = registryOf(t, [registry.url], options)
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('not-visible'))
  assert.deepEqual(troubles, [])
})

test('what is refused to the login but open to everybody is had as everybody', async (t) => {
  const tokens = await tokenServer(t)
  const admits: Guard['admits'] = (authorization) =>
    authorization?.startsWith('Bearer anybody') === true
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits })
  const { options } = listening({ credentials: credentials(RIGHT) })
  const upstream = registryOf(t, [registry.url], options)
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, true)
  registry.asked.length = 0
  await upstream.getManifest(NAME, TAG)
  assert.equal(registry.asked.length, 1)
})

test('a token server that is out of order says nothing about the login', async (t) => {
  const tokens = await tokenServer(t, () => [500, {}])
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: withToken })
  const { troubles, options } = listening({ credentials: credentials(RIGHT) })
  const upstream = registryOf(t, [registry.url], options)
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('bad-response'))
  assert.deepEqual(troubles, [])
  assert.equal(upstream.status().login, 'configured')
})

test('the check of a login pulls nothing and says how it went', async (t) => {
  const tokens = await tokenServer(t)
  const bearer = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  const admits: Guard['admits'] = (authorization) => authorization === BASIC
  const basic = await guarded(t, { challenge: 'Basic realm="x"', admits })
  const open = await guarded(t, { challenge: undefined, admits: () => true })
  const gone = await guarded(t, { challenge: undefined, admits: () => true })
  await gone.close()
  const cases = [
    [bearer.url, RIGHT, 'works'],
    [bearer.url, WRONG, 'refused'],
    [basic.url, RIGHT, 'works'],
    [basic.url, WRONG, 'refused'],
    [open.url, RIGHT, 'not-asked-for'],
    [gone.url, RIGHT, 'unreachable'],
  ] as const
  for (const [url, login, outcome] of cases) {
    const { options } = listening({ credentials: credentials(login) })
    const check = await registryOf(t, [url], options).checkLogin()
    assert.equal(check.outcome, outcome, check.message)
    assertNoSecret(check.message)
  }
  const paths = [bearer, basic, open].flatMap((server) => server.lines())
  assert.deepEqual([...new Set(paths)], ['GET /v2/'])
})

function passwordOf(login: typeof RIGHT): string {
  return login.kind === 'password' ? login.password.reveal() : ''
}
