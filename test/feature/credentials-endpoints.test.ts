// One login at several endpoints of its registry: what one of them says of it holds for that one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BASIC,
  RIGHT,
  USER,
  bearerOf,
  byPassword,
  credentials,
  guarded,
  sent,
  tokenServer,
} from './login-servers.ts'
import { NAME, SILENT, TAG, registryOf, upstreamError } from './upstream-server.ts'

const challenge = 'Basic realm="x"'

function listening() {
  const troubles: string[] = []
  const events = {
    ...SILENT,
    loginTrouble: (_: string, trouble: string) => void troubles.push(trouble),
  }
  return { troubles, options: { settings: { credentials: credentials(RIGHT) }, events } }
}

test('Basic: a login that a mirror of the registry refuses is good at the origin, and nobody is alarmed', async (t) => {
  const mirror = await guarded(t, { challenge, admits: () => false })
  const origin = await guarded(t, { challenge, admits: (authorization) => authorization === BASIC })
  const { troubles, options } = listening()
  const upstream = registryOf(t, [mirror.url, origin.url], options)
  for (let time = 0; time < 2; time++) {
    assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
  }
  assert.deepEqual(troubles, [])
  assert.equal(upstream.status().login, 'configured')
  assert.equal(sent(mirror).filter((line) => line.includes('Basic')).length, 1, 'tried there once')
})

test('Bearer: the same with the token server of a mirror', async (t) => {
  const theirs = await tokenServer(t, (question) =>
    question.authorization === undefined ? byPassword(question) : [403, { message: 'denied' }],
  )
  const ours = await tokenServer(t)
  const admits = (authorization: string | undefined): boolean =>
    authorization?.startsWith(`Bearer ${USER}`) === true
  const mirror = await guarded(t, { challenge: bearerOf(theirs), admits: () => false })
  const origin = await guarded(t, { challenge: bearerOf(ours), admits })
  const { troubles, options } = listening()
  const upstream = registryOf(t, [mirror.url, origin.url], options)
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
  assert.deepEqual(troubles, [])
  assert.equal(upstream.status().login, 'configured')
})

test('a login that the origin refuses stays refused, whatever a mirror says', async (t) => {
  const admits = (authorization: string | undefined): boolean => authorization === BASIC
  let hasIt = false
  const mirror = await guarded(t, { challenge, admits: (given) => hasIt && admits(given) })
  const origin = await guarded(t, { challenge, admits: () => false })
  const { troubles, options } = listening()
  const upstream = registryOf(t, [mirror.url, origin.url], {
    ...options,
    limits: { loginRefusedMs: 0 },
  })
  await assert.rejects(upstream.getManifest(NAME, TAG), upstreamError('unauthorized'))
  hasIt = true
  assert.equal((await upstream.getManifest(NAME, TAG))?.isAnonymous, false)
  assert.equal(troubles.length, 1)
  assert.ok(troubles[0]?.includes(new URL(origin.url).host))
  assert.equal(upstream.status().login, 'refused')
})
