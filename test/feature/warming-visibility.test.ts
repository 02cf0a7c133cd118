// Who may read what a run brought with a login: found out by HEADs alone, and told before upstream is gone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RequestError } from '../../src/errors.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { PrivatePolicy } from '../../src/mirror/private-policy.ts'
import type { Repository } from '../../src/oci/name.ts'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { buildImage } from '../support/images.ts'
import { digestHeader, status } from '../support/scripted-reply.ts'
import { digestNamed, WarmingSetting } from '../support/warming-setting.ts'

const DAY_MS = 24 * 3_600_000
const image = buildImage({ seed: 'warming, visibility', form: 'oci', architectures: ['amd64'] })
const digest = digestNamed(image.top.digest)
const login = { username: 'robot', password: 'robots-own-word' }

interface Changes {
  readonly policy?: PrivatePolicy
  readonly hasLogin?: boolean
}

// A registry that has everything asked for with a token, as big ones do, and one repository that
// nobody else may read; a manifest of each is brought.
async function brought(changes: Changes = {}): Promise<WarmingSetting> {
  const setting = await WarmingSetting.start()
  const { upstream } = setting
  upstream.login = login
  upstream.needsToken = true
  for (const name of ['team/open', 'team/closed']) upstream.addImage(name, '1', image)
  upstream.needLogin.add('team/closed')
  await reopen(setting, changes)
  for (const name of ['team/open', 'team/closed']) {
    const repository = setting.repository(`ghcr.io/${name}`)
    await setting.warm.manifest(repository, { digest }).catch(() => undefined)
  }
  setting.asked()
  return setting
}

async function reopen(setting: WarmingSetting, changes: Changes): Promise<void> {
  const { policy = 'deny', hasLogin = true } = changes
  const { username, password } = login
  const credentials = { kind: 'login', username, password: new Secret(password) } as const
  const registry = {
    endpoints: [setting.upstream.url],
    private: policy,
    ...(hasLogin && { credentials }),
  }
  await setting.reopen({ registries: { 'ghcr.io': registry } })
}

// What upstream answered, its demands for tokens left out.
function answered({ upstream }: WarmingSetting): string[] {
  const asked = upstream.log.all.filter((each) => each.url.startsWith('/v2/'))
  upstream.log.clear()
  return asked
    .filter((each) => each.status !== 401)
    .map(({ method, url }) => `${method} ${url.replace('/v2/', '')}`)
}

async function isPulled({ mirror }: WarmingSetting, repository: Repository): Promise<boolean> {
  try {
    return (await mirror.manifest(repository, { digest }, 'bytes')) !== undefined
  } catch (error) {
    if (error instanceof RequestError || (error as Error).name === 'UpstreamError') return false
    throw error
  }
}

for (const code of [401, 403, 404]) {
  test(`a registry that refuses lists of tags (${code}) is not asked for one, and what is public stays so`, async () => {
    await using setting = await brought()
    const { warm, upstream } = setting
    upstream.script({ path: '/tags/list', reply: status(code) })
    const open = setting.repository('ghcr.io/team/open')
    assert.equal(await warm.settleVisibility(open, digest), 'served')
    assert.deepEqual(answered(setting), [`HEAD team/open/manifests/${digest}`])
    await upstream.close()
    assert.equal(await isPulled(setting, open), true)
  })
}

test('where HEADs name no digest the size tells, and saves a GET, which may count as a pull', async () => {
  await using setting = await brought()
  const { warm, upstream } = setting
  const open = setting.repository('ghcr.io/team/open')
  const page = { 'docker-content-digest': null, 'content-length': '17' }
  upstream.script({ method: 'HEAD', path: '/manifests/', reply: { headers: page } })
  const other = warm.settleVisibility(open, digest)
  await assert.rejects(other, { name: 'UpstreamError', kind: 'bad-response' })
  assert.equal(await warm.isServed(open), false)
  upstream.clearScript()
  upstream.script({ method: 'HEAD', path: '/manifests/', reply: digestHeader(null) })
  assert.equal(await warm.settleVisibility(open, digest), 'served')
  assert.ok(answered(setting).every((line) => line.startsWith('HEAD ')))
})

test('that a manifest is gone meanwhile leaves open who may read the rest', async () => {
  await using setting = await brought()
  const { warm, upstream } = setting
  upstream.repositories.get('team/open')?.manifests.delete(digest)
  const open = setting.repository('ghcr.io/team/open')
  assert.equal(await warm.settleVisibility(open, digest), 'unknown')
  assert.ok(answered(setting).length <= 2)
})

test(
  'what was public yesterday is served while upstream cannot say more of it',
  OWN_CLOCK,
  async () => {
    await using setting = await brought()
    const { warm, upstream } = setting
    const open = setting.repository('ghcr.io/team/open')
    await warm.settleVisibility(open, digest)
    putClockForward(DAY_MS + 1)
    upstream.script({ reply: status(500) })
    assert.equal(await warm.settleVisibility(open, digest), 'served')
    upstream.clearScript()
    setting.asked()
    assert.equal(await warm.settleVisibility(open, digest), 'served')
    assert.deepEqual(answered(setting), [`HEAD team/open/manifests/${digest}`], 'looked at again')
  },
)

type Name = 'open' | 'closed'

// [who asks, the repository, before settling, after it, requests]
const TABLE: [string, Changes, Name, boolean, 'served' | 'refused', number][] = [
  ['without a login', { hasLogin: false }, 'open', true, 'served', 0],
  ['with a login', {}, 'open', false, 'served', 1],
  ['with a login', {}, 'closed', false, 'refused', 0],
  ['with a login', { policy: ['team/closed'] }, 'closed', true, 'served', 0],
  ['with a login', { policy: 'everyone' }, 'open', true, 'served', 0],
]

for (const [who, changes, name, before, settled, requests] of TABLE) {
  const policy = JSON.stringify(changes.policy ?? 'deny')
  test(
    `${who} and ${policy}, what is said of ${name} is what clients get when upstream is gone`,
    OWN_CLOCK,
    async () => {
      await using setting = await brought(changes)
      const { warm, upstream } = setting
      const repository = setting.repository(`ghcr.io/team/${name}`)
      assert.equal(await warm.isServed(repository), before)
      assert.equal(await warm.settleVisibility(repository, digest), settled)
      assert.equal(await warm.settleVisibility(repository, digest), settled)
      assert.equal(answered(setting).length, requests)
      upstream.script({ reply: status(503) })
      for (const days of [0, 2]) {
        putClockForward(days * DAY_MS)
        assert.equal(await warm.isServed(repository), settled === 'served')
        assert.equal(await isPulled(setting, repository), settled === 'served')
      }
    },
  )
}
