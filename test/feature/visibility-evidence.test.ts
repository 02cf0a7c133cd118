// What an answer to the anonymous is worth: a manifest of the origin opens its repository, nothing
// else does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { status } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { Setting } from '../support/test-mirror.ts'
import type { RegistryChanges } from '../support/test-mirror.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'
import { DAY_MS, PRIVATE, PUBLIC, layerOf, registries, withLogin } from './visibility-setting.ts'

// Held from the time when everybody might read it, and to be looked at again.
async function held(): Promise<Setting> {
  const setting = await withLogin('everyone')
  const { mirror } = setting
  for (const what of ['manifest', 'byDigest', 'blob'] as const) {
    assert.equal((await mirror.get(PRIVATE[what])).status, 200)
  }
  await mirror.published(layerOf(PRIVATE.image))
  await mirror.restart({ registries: registries(setting, 'deny') })
  assert.equal((await mirror.get(PRIVATE.manifest)).status, 404)
  putClockForward(DAY_MS + 1)
  return setting
}

async function assertClosed({ mirror }: Setting): Promise<void> {
  for (const what of ['manifest', 'byDigest', 'blob'] as const) {
    assert.equal((await mirror.get(PRIVATE[what])).status, 404, what)
  }
}

const PAGE: Reply = { status: 200, headers: { 'content-type': 'text/plain' }, body: 'hello' }
const NO_TAGS: Reply = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ name: PRIVATE.name, tags: [] }),
}
const OTHER_BLOB = PRIVATE.blob.replace(/sha256:.*/, `sha256:${'1'.repeat(64)}`)

for (const [name, path, reply] of [
  ['a portal’s page for a HEAD', PRIVATE.manifest, PAGE],
  ['a portal’s page for a blob', OTHER_BLOB, PAGE],
  ['an empty list of tags', PRIVATE.tags, NO_TAGS],
] as const) {
  test(`what anybody is told opens nothing that is private: ${name}`, OWN_CLOCK, async () => {
    await using setting = await held()
    const { mirror, upstream } = setting
    upstream.needLogin.delete(PRIVATE.name)
    if (reply === NO_TAGS) upstream.script({ path: '/tags/list', reply }, { reply: status(401) })
    else upstream.script({ reply })
    await mirror.get(path)
    upstream.clearScript()
    upstream.needLogin.add(PRIVATE.name)
    await assertClosed(setting)
  })
}

for (const policy of ['deny', 'everyone'] as const) {
  test(`an endpoint that gives blobs to anyone, of whatever repository, opens none: ${policy}`, async () => {
    await using setting = await withLogin('deny')
    const { mirror, upstream } = setting
    await using first = await ScriptedUpstream.start()
    const layer = layerOf(PUBLIC.image)
    const content = PUBLIC.image.blobs.get(layer)
    assert.ok(content)
    first.addBlob(PRIVATE.name, content)
    const endpoints = [first.url, upstream.url]
    const configured = (as: 'deny' | 'everyone'): Record<string, string | RegistryChanges> => {
      const all = registries(setting, as)
      return { ...all, 'ghcr.io': { ...(all['ghcr.io'] as RegistryChanges), endpoints } }
    }
    await mirror.restart({ registries: configured(policy) })
    if (policy === 'everyone') assert.equal((await mirror.get(PRIVATE.manifest)).status, 200)
    await mirror.get(PRIVATE.blob.replace(layerOf(PRIVATE.image), layer))
    await mirror.restart({ registries: configured('deny') })
    await assertClosed(setting)
  })
}

test('wrong bytes do not make a repository contain what another has', async () => {
  await using setting = await withLogin('everyone')
  const { mirror, upstream } = setting
  const digest = layerOf(PRIVATE.image)
  const elsewhere = PUBLIC.blob.replace(layerOf(PUBLIC.image), digest)
  upstream.script({ path: `${PUBLIC.name}/blobs/`, times: 1, reply: PAGE })
  await mirror.get(elsewhere)
  assert.equal((await mirror.get(PRIVATE.blob)).status, 200)
  await mirror.published(digest)
  putClockForward(60_000)
  assert.equal((await mirror.get(elsewhere)).status, 404)
  upstream.script({ path: `${PUBLIC.name}/blobs/`, times: 1, reply: PAGE })
  putClockForward(60_000)
  assert.equal((await mirror.get(elsewhere)).status, 404, 'of another size than what is held')
})

test('a wrong size that was told once is forgotten', OWN_CLOCK, async () => {
  const blob = heldContent(seededContent('a size', 300_000))
  await using setting = await Setting.start()
  const { mirror, upstream } = setting
  upstream.addBlob('library/app', blob)
  upstream.script({ path: '/blobs/', times: 1, reply: PAGE })
  const path = `/v2/app/blobs/${blob.digest}`
  await mirror.get(path)
  await mirror.logged(/could not be fetched/)
  putClockForward(60_000)
  const head = await mirror.head(path)
  assert.equal(head.headers.get('content-length'), String(blob.size))
  assert.ok((await mirror.get(path)).body.equals(blob.bytes))
})

test('images that the policy opens share their layers without upstream', async () => {
  await using setting = await withLogin('everyone')
  const { mirror, upstream } = setting
  const second = 'team/two'
  upstream.needLogin.add(second)
  upstream.addImage(second, '1', PRIVATE.image)
  await pullWhole(mirror, `ghcr.io/${PRIVATE.name}`, '1', PRIVATE.image)
  await stored(mirror, PRIVATE.image)
  for (const { manifest } of PRIVATE.image.platforms) {
    for (const reference of ['1', manifest.digest]) {
      const answer = await mirror.get(`/v2/ghcr.io/${second}/manifests/${reference}`)
      assert.equal(answer.status, 200)
    }
  }
  const layer = PRIVATE.blob.replace(PRIVATE.name, second)
  upstream.script({ reply: status(503) })
  assert.equal((await mirror.get(layer)).status, 200)
  await mirror.restart({ offline: true })
  assert.equal((await mirror.get(layer)).status, 200)
  await mirror.restart({ registries: registries(setting, [second]) })
  assert.equal((await mirror.get(layer)).status, 404, 'the other one is not for everybody')
})
