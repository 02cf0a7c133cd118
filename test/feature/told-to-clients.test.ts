// What those who pull may hear of a failure, and what only the log tells: where logins are kept, what
// was said to them, and which private repositories others asked for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storeLogin } from '../../src/credentials/stored-logins.ts'
import { Secret } from '../../src/lib/secret.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { REVALIDATE_ALWAYS } from '../support/test-mirror.ts'
import type { Answer, Setting } from '../support/test-mirror.ts'
import { PRIVATE, PUBLIC, registries, withLogin } from './visibility-setting.ts'

const SAYS_MORE = /the mirror's login for ghcr\.io does not work; the mirror's log says more/
const ACCOUNT: Reply = {
  status: 500,
  headers: { 'content-type': 'text/plain' },
  body: Buffer.from('the account team-robot is locked'),
}

interface Status {
  readonly registries: readonly {
    readonly login: string
    readonly loginTriedAt?: string
    readonly endpoints: readonly { readonly lastFailure?: object }[]
  }[]
}

// What is private was pulled before; the login in the data folder is then the wrong one.
async function withWrongLogin(): Promise<Setting> {
  const setting = await withLogin('everyone', REVALIDATE_ALWAYS)
  const { mirror } = setting
  assert.equal((await mirror.get(PRIVATE.manifest)).status, 200)
  const login = { kind: 'password', username: 'robot', password: new Secret('old') } as const
  await storeLogin(mirror.folder, 'ghcr.io', login)
  await mirror.restart({ registries: registries(setting, 'everyone', 'none') })
  return setting
}

function heardIn({ headers, body }: Answer): string {
  return [...headers.values(), body.toString()].join('\n')
}

function assertDiscreet(answer: Answer): void {
  assert.doesNotMatch(heardIn(answer), /credentials\.json|settings of|wrong login|team-robot/)
}

test('a refused login: clients are told that, and the log where it is kept', async () => {
  await using setting = await withWrongLogin()
  const { mirror } = setting
  const known = await mirror.get(PRIVATE.manifest)
  assert.equal(known.status, 200)
  assert.match(known.headers.get('warning') ?? '', SAYS_MORE)
  assertDiscreet(known)
  for (const path of [PRIVATE.manifest.replace(/1$/, '2'), PRIVATE.blob]) {
    const refused = await mirror.get(path)
    assert.equal(refused.status, 403)
    assert.match(refused.body.toString(), SAYS_MORE)
    assertDiscreet(refused)
  }
  for (const path of [PRIVATE.tags, PRIVATE.referrers]) {
    const list = await mirror.get(path)
    assert.match(heardIn(list), SAYS_MORE)
    assertDiscreet(list)
  }
  const log = mirror.lines.map(({ message }) => message)
  for (const line of [
    /^ghcr\.io: /,
    /team\/closed:2 for \S+: 403 /,
    /team\/closed for .*from memory/,
  ]) {
    assert.ok(log.some((each) => line.test(each) && /credentials\.json: wrong login/.test(each)))
  }
})

test('a token server that fails: its words to the login are for the log', async () => {
  await using setting = await withLogin('everyone', REVALIDATE_ALWAYS)
  const { mirror, upstream } = setting
  upstream.script({ path: '/token', reply: ACCOUNT })
  const failed = await mirror.get(PRIVATE.manifest)
  assert.equal(failed.status, 502)
  assert.match(failed.body.toString(), /answered 500 to the mirror's login/)
  assertDiscreet(failed)
  assert.ok(mirror.lines.some(({ message }) => /settings of .*team-robot/.test(message)))
})

test('what a registry says to the login is for the log, what it says to everybody is for all', async () => {
  await using setting = await withLogin('everyone', REVALIDATE_ALWAYS)
  const { mirror, upstream } = setting
  upstream.script({ path: '/team/', reply: ACCOUNT })
  const failed = await mirror.get(PRIVATE.byDigest)
  assert.match(failed.body.toString(), /answered 500 to GET \/v2\/team\/closed\/manifests\/sha256:/)
  assertDiscreet(failed)
  assert.match((await mirror.get(PUBLIC.byDigest)).body.toString(), /answered 500 .*team-robot/)
})

test('the status names no private repository and no place of a login', async () => {
  await using setting = await withWrongLogin()
  const { mirror, upstream } = setting
  await mirror.get(PRIVATE.manifest)
  upstream.script({ path: '/token', reply: ACCOUNT })
  await mirror.get(PRIVATE.manifest.replace(/1$/, '2'))
  const answer = await mirror.get('/status')
  assertDiscreet(answer)
  assert.doesNotMatch(answer.body.toString(), /team|closed/)
  const { registries: all } = JSON.parse(answer.body.toString()) as Status
  const [ghcr] = all.filter(({ login }) => login === 'refused')
  assert.ok(Date.parse(ghcr?.loginTriedAt ?? '') <= Date.now())
  const { at, ...failure } = { at: '', ...ghcr?.endpoints[0]?.lastFailure }
  assert.ok(Date.parse(at) <= Date.now())
  const { host } = new URL(upstream.url)
  assert.deepEqual(failure, { kind: 'bad-response', status: 500, host })
})
