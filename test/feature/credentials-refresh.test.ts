// Refresh tokens that token servers give: used in the place of the login, never as a proof of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_LIMITS } from '../../src/upstream/limits.ts'
import {
  BASIC,
  IDENTITY,
  RIGHT,
  USER,
  bearerOf,
  credentials,
  guarded,
  tokenFor,
  tokenServer,
} from './login-servers.ts'
import type { Guard, TokenQuestion } from './login-servers.ts'
import { NAME, TAG, registryOf, upstreamError } from './upstream-server.ts'

const onlyMine: Guard['admits'] = (authorization) =>
  authorization?.startsWith(`Bearer ${USER}`) === true

test('a refresh token that a server gives is used, the newest one, until it is refused', async (t) => {
  let given = 0
  let spent = false
  const answer = (question: TokenQuestion) => {
    const isRefresh = question.form.get('refresh_token') === `refresh-${given}`
    if (question.method === 'POST' && (spent || !isRefresh)) return [401, {}] as const
    const [status, body] = tokenFor(question, USER)
    return [status, { ...body, expires_in: 60, refresh_token: `refresh-${++given}` }] as const
  }
  const tokens = await tokenServer(t, answer)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits: onlyMine })
  let nowMs = Date.now()
  const upstream = registryOf(t, [registry.url], {
    settings: { credentials: credentials(RIGHT) },
    now: () => nowMs,
  })
  for (let minute = 0; minute < 3; minute++) {
    spent = minute === 2
    assert.ok(await upstream.getManifest(NAME, TAG))
    nowMs += 60_000
  }
  const get = 'GET /token'
  const post = 'POST /token'
  assert.deepEqual(tokens.lines(), [get, post, post, post, get])
})

test('a password that was taken back is refused, although a refresh token of it still works', async (t) => {
  let isGood = true
  const tokens = await tokenServer(t, (question) => {
    const isRefresh = question.form.get('grant_type') === 'refresh_token'
    if (!isRefresh && (!isGood || question.authorization !== BASIC)) return [401, {}]
    const [status, body] = tokenFor(question, USER)
    return [status, { ...body, refresh_token: 'refresh' }]
  })
  let allows = true
  const admits: Guard['admits'] = (...asked) => allows && onlyMine(...asked)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits })
  let nowMs = Date.now()
  const settings = { credentials: credentials(RIGHT) }
  const upstream = registryOf(t, [registry.url], { settings, now: () => nowMs })
  assert.ok(await upstream.getManifest(NAME, TAG))
  assert.equal((await upstream.checkLogin()).outcome, 'works')

  isGood = false
  assert.equal((await upstream.checkLogin()).outcome, 'refused')
  nowMs += DEFAULT_LIMITS.loginRefusedMs
  allows = false
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('unauthorized'))
  assert.equal(upstream.status().login, 'refused')
})

test('an identity token that its server has replaced is not taken for a refused one', async (t) => {
  let valid = 'identity-Tr0ub4dor'
  let count = 0
  const tokens = await tokenServer(t, (question) => {
    if (question.form.get('refresh_token') !== valid) return [401, {}]
    valid = `next-${++count}`
    const [status, body] = tokenFor(question, USER)
    return [status, { ...body, refresh_token: valid }]
  })
  let allows = true
  const admits: Guard['admits'] = (...asked) => allows && onlyMine(...asked)
  const registry = await guarded(t, { challenge: bearerOf(tokens), admits })
  let nowMs = Date.now()
  const settings = { credentials: credentials(IDENTITY) }
  const upstream = registryOf(t, [registry.url], { settings, now: () => nowMs })
  assert.ok(await upstream.getManifest(NAME, TAG))
  nowMs += DEFAULT_LIMITS.loginProvenMs
  allows = false
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('not-visible'))
  assert.equal(upstream.status().login, 'configured')
})
