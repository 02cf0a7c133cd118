// `regmirror login` beside a running mirror that asked without one until then.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storeLogin } from '../../src/credentials/stored-logins.ts'
import { Secret } from '../../src/lib/secret.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { status } from '../support/scripted-reply.ts'
import type { Setting } from '../support/test-mirror.ts'
import {
  EVERYTHING,
  PASSWORD,
  PRIVATE,
  PUBLIC,
  USERNAME,
  withoutLogin,
} from './visibility-setting.ts'

const MIB = 2 ** 20

async function logIn({ mirror }: Setting): Promise<void> {
  const login = { kind: 'password', username: USERNAME, password: new Secret(PASSWORD) } as const
  await storeLogin(mirror.folder, 'ghcr.io', login)
}

for (const what of EVERYTHING) {
  for (const method of ['GET', 'HEAD']) {
    test(`the first request after a new login opens nothing that needs it: ${method} ${what}`, async () => {
      await using setting = await withoutLogin()
      const { mirror } = setting
      // Just before, so that whether there is a login has just been looked at.
      assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
      await logIn(setting)
      assert.equal((await mirror.ask(method, PRIVATE[what])).status, 404)
      for (const each of EVERYTHING) {
        assert.equal((await mirror.get(PRIVATE[each])).status, 404, each)
        assert.equal((await mirror.get(PUBLIC[each])).status, 200, each)
      }
    })
  }

  test(`a request that waits while a login comes is not answered by that login: ${what}`, async () => {
    await using setting = await withoutLogin()
    const { mirror, upstream } = setting
    upstream.needLogin.delete(PRIVATE.name)
    upstream.script({ path: PRIVATE.name, times: 1, reply: { ...status(503), holdHeaders: true } })
    const waiting = mirror.get(PRIVATE[what])
    await setting.upstreamAsked(1)
    upstream.needLogin.add(PRIVATE.name)
    await logIn(setting)
    upstream.release()
    const { status: code, body } = await waiting
    assert.equal(code, 404, body.toString())
    assert.match(body.toString(), /team\/closed cannot be read without a login/)
  })
}

test('what a new login does not find is told in the same words', async () => {
  await using setting = await withoutLogin()
  const { mirror, upstream } = setting
  upstream.needLogin.add('team/nothing')
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  await logIn(setting)
  const nowhere = await mirror.get(PRIVATE.manifest.replace('team/closed', 'team/nothing'))
  const there = await mirror.get(PRIVATE.manifest)
  assert.equal(nowhere.body.toString().replaceAll('nothing', 'closed'), there.body.toString())
})

test('a download that a new login began for nobody is left', async () => {
  await using setting = await withoutLogin({ abandoned: 'park' })
  const { mirror, upstream } = setting
  const blob = heldContent(seededContent('a private blob', 4 * MIB))
  upstream.addBlob(PRIVATE.name, blob)
  assert.equal((await mirror.get(PUBLIC.manifest)).status, 200)
  await logIn(setting)
  upstream.script({ path: blob.digest, times: 1, reply: { stall: { after: 2 * MIB } } })
  const path = `/v2/ghcr.io/${PRIVATE.name}/blobs/${blob.digest}`
  assert.equal((await mirror.get(path)).status, 404)
  await mirror.logged(/ parked$/)
})
