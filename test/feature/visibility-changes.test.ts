// Repositories that become private or public while the mirror knows them as something else.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { status } from '../support/scripted-reply.ts'
import type { ConfigChanges, Setting } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'
import { DAY_MS, PRIVATE, PUBLIC, asked, registries, withLogin } from './visibility-setting.ts'

const HOUR_MS = 3_600_000
// Of a repository that nothing is held of, and that upstream refuses.
const HIDDEN_MS = 30_000
// Between two refusals of what was public, before they count.
const CHECK_AGAIN_MS = 600_000
const HEAD = 'HEAD team/open/manifests/1'
const CLOSED_HEAD = 'HEAD team/closed/manifests/1'
const A_WEEK = { tagTtl: { movingMs: 7 * DAY_MS, exactMs: 0, patterns: [] } }

// Resolves once upstream has answered so many HEADs, or holds one back.
async function answered({ upstream }: Setting, count: number): Promise<void> {
  const isThere = (): boolean => {
    const heads = upstream.log.find({ method: 'HEAD' })
    if (count === 0) return heads.some(({ end }) => end === 'stalled')
    return (
      heads.filter(({ status: code, end }) => code !== 401 && end === 'complete').length >= count
    )
  }
  await waitUntil(isThere, { what: `${count} answers to HEAD`, everyMs: 1 })
}

const CLOSED_WORDS = /team\/open can no longer be read without a login/

// Asks until one look follows another in the background, each after its time.
async function askUntilClosed({ mirror }: Setting): Promise<void> {
  for (let n = 0; n < 100; n += 1) {
    if (mirror.lines.some(({ message }) => CLOSED_WORDS.test(message))) return
    putClockForward(CHECK_AGAIN_MS / 4)
    await mirror.get(PUBLIC.byDigest)
  }
  assert.fail('it stays public')
}

test('what is public is looked at again a day later, in the background', OWN_CLOCK, async () => {
  await using setting = await withLogin('deny', A_WEEK)
  const { mirror, upstream } = setting
  upstream.needsToken = true
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  asked(setting)
  putClockForward(DAY_MS - 60_000)
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  assert.deepEqual(asked(setting), [])
  putClockForward(2 * 60_000)
  upstream.script({ method: 'HEAD', times: 1, reply: { holdHeaders: true } })
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200, 'nobody waits for it')
  await mirror.get(PUBLIC.byDigest)
  await answered(setting, 0)
  upstream.release()
  await answered(setting, 1)
  assert.deepEqual(asked(setting), [HEAD])
  putClockForward(HOUR_MS)
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  assert.deepEqual(asked(setting), [])
})

for (const refusesWith of [401, 404] as const) {
  test(`what has become private is refused a day later: ${refusesWith}`, OWN_CLOCK, async () => {
    await using setting = await withLogin('deny', A_WEEK)
    const { mirror, upstream } = setting
    Object.assign(upstream, { needsToken: true, refusesWith })
    assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
    upstream.needLogin.add(PUBLIC.name)
    putClockForward(DAY_MS)
    assert.equal((await mirror.get(PUBLIC.byDigest)).status, 200)
    await askUntilClosed(setting)
    for (const what of ['manifest', 'byDigest', 'blob', 'tags'] as const) {
      assert.equal((await mirror.get(PUBLIC[what])).status, 404, what)
    }
  })
}

test('what is gone upstream, or cannot be asked for, stays public', OWN_CLOCK, async () => {
  await using setting = await withLogin('deny', A_WEEK)
  const { mirror, upstream } = setting
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  upstream.tag(PUBLIC.name, '1', undefined)
  putClockForward(DAY_MS)
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  await answered(setting, 2)
  upstream.script({ reply: status(500) })
  putClockForward(DAY_MS)
  for (let n = 0; n < 3; n += 1) assert.equal((await mirror.get(PUBLIC.byDigest)).status, 200)
})

// Held from the time when everybody might read it, and looked at since.
async function withPrivate(changes: ConfigChanges): Promise<Setting> {
  const setting = await withLogin('everyone', changes)
  const { mirror } = setting
  for (const code of [200, 404]) {
    for (const what of ['manifest', 'blob'] as const) {
      assert.equal((await mirror.get(PRIVATE[what])).status, code, what)
    }
    if (code === 404) continue
    await mirror.published(PRIVATE.blob.replace(/.*\//, ''))
    await mirror.restart({ registries: registries(setting, 'deny') })
  }
  return setting
}

// How long a refusal holds, and whether anything is known of what is refused.
const REFUSALS = [
  ['of which nothing is held', HIDDEN_MS, () => withLogin('deny', A_WEEK)],
  ['that is held', DAY_MS, () => withPrivate(A_WEEK)],
] as const

for (const [kind, forMs, start] of REFUSALS) {
  test(
    `what has become public is served after ${forMs / 1_000} s: ${kind}`,
    OWN_CLOCK,
    async () => {
      await using setting = await start()
      const { mirror, upstream } = setting
      assert.equal((await mirror.get(PRIVATE.manifest)).status, 404)
      upstream.needLogin.delete(PRIVATE.name)
      setting.asked()
      putClockForward(forMs - 5_000)
      for (const what of ['manifest', 'byDigest', 'blob', 'tags'] as const) {
        assert.equal((await mirror.get(PRIVATE[what])).status, 404, what)
      }
      assert.deepEqual(setting.asked(), [], 'asked again before its time')
      putClockForward(6_000)
      assert.equal((await mirror.get(PRIVATE.manifest)).status, 200)
      const told = mirror.lines.filter(({ message }) => /can be read without a login/.test(message))
      assert.equal(told.length, forMs === DAY_MS ? 1 : 0, 'what was not known does not change')
    },
  )
}

test(
  'a repository of which nothing is held is asked about again after its time',
  OWN_CLOCK,
  async () => {
    await using setting = await withLogin('deny', A_WEEK)
    const { mirror } = setting
    for (let n = 0; n < 3; n += 1) {
      assert.equal((await mirror.get(PRIVATE.manifest)).status, 404)
      // In the open, and with a token that anybody gets.
      const heads = setting.asked({ path: /^\/v2\/./, method: 'HEAD' })
      assert.deepEqual(heads, [CLOSED_HEAD, CLOSED_HEAD])
      assert.equal((await mirror.get(PRIVATE.blob)).status, 404)
      assert.deepEqual(setting.asked(), [])
      putClockForward(HIDDEN_MS)
    }
  },
)

test(
  'what was private and cannot be asked for stays private, and nobody waits long',
  OWN_CLOCK,
  async () => {
    await using setting = await withPrivate({ ...A_WEEK, staleAfterMs: 50 })
    const { mirror, upstream } = setting
    putClockForward(DAY_MS)
    upstream.needLogin.delete(PRIVATE.name)
    for (const reply of [status(404), status(400), { holdHeaders: true }]) {
      upstream.clearScript()
      upstream.script({ reply })
      assert.equal((await mirror.get(PRIVATE.byDigest)).status, 404)
      assert.equal((await mirror.get(PRIVATE.blob)).status, 404)
    }
  },
)

test('one refusal, as of a firewall, closes nothing that is public', OWN_CLOCK, async () => {
  await using setting = await withLogin('deny', A_WEEK)
  const { mirror, upstream } = setting
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  const heads = upstream.log.find({ method: 'HEAD' }).length
  putClockForward(DAY_MS)
  const reply = { ...status(403), body: 'blocked' }
  upstream.script({ method: 'HEAD', times: 1, reply })
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  const isRefused = (): boolean => upstream.log.find({ method: 'HEAD' }).length > heads
  await waitUntil(isRefused, { what: 'a HEAD that is refused', everyMs: 1 })
  for (const waitMs of [0, CHECK_AGAIN_MS, DAY_MS]) {
    putClockForward(waitMs)
    for (const what of ['byDigest', 'manifest'] as const) {
      assert.equal((await mirror.get(PUBLIC[what])).status, 200)
    }
  }
})
