// One digest in two repositories: what happens to one is nothing to the other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { within } from '../../src/lib/within.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { ON_BINARY } from '../support/packaged-mirror.ts'
import { status } from '../support/scripted-reply.ts'
import { Setting } from '../support/test-mirror.ts'
import type { ConfigChanges } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('two repositories', 12 * MIB))
const APP = `/v2/app/blobs/${blob.digest}`
const OTHER = `/v2/other/blobs/${blob.digest}`
const PROBE = `GET library/other/blobs/${blob.digest} bytes=0-0`
const LIMIT_MS = 15_000

async function withBoth(changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await Setting.start(changes)
  for (const name of ['library/app', 'library/other']) setting.upstream.addBlob(name, blob)
  return setting
}

test('wrong content in one repository does not keep another from having the right one', async () => {
  await using setting = await withBoth()
  const { mirror, upstream } = setting
  upstream.script({ path: 'library/other', reply: { flip: 10 } })
  assert.equal((await mirror.get(OTHER)).ending, 'fin')
  await mirror.logged(/could not be fetched/)
  const right = await mirror.get(APP)
  assert.equal(right.status, 200)
  assert.ok(right.body.equals(blob.bytes))
})

test('wrong content is not asked for again at once in its own repository', async () => {
  await using setting = await withBoth()
  const { mirror, upstream } = setting
  upstream.script({ path: 'library/other', reply: { flip: 10 } })
  assert.equal((await mirror.get(OTHER)).ending, 'fin')
  await mirror.logged(/could not be fetched/)
  setting.asked()
  assert.equal((await mirror.get(OTHER)).status, 502)
  assert.deepEqual(setting.asked(), [])
})

for (const [code, expected] of [
  [400, 502],
  [404, 404],
] as const) {
  test(`who may not join a download hears why at once and leaves nothing behind: ${code}`, async () => {
    await using setting = await withBoth({ abandoned: 'park' })
    const { mirror, upstream } = setting
    upstream.script({ path: 'library/other', reply: status(code) })
    upstream.script({ method: 'GET', times: 1, reply: { stall: { after: 2 * MIB } } })
    await using first = await mirror.open(APP)
    while (first.received < MIB) await first.read()
    const refused = await within(LIMIT_MS, mirror.get(OTHER))
    assert.ok(refused !== 'slow', 'the second waits for the download of the first')
    assert.equal(refused.status, expected)
    assert.equal(first.ending, undefined)
    first.leave()
    assert.notEqual(await within(LIMIT_MS, mirror.logged(/parked/)), 'slow')
  })
}

// From outside, a connection is seen before its request has arrived.
const COUNTED = { skip: ON_BINARY && 'waits until all requests are in the mirror' }

for (const method of ['GET', 'HEAD']) {
  test(
    `twenty who ask at once for what another repository has cost one byte: ${method}`,
    COUNTED,
    async () => {
      await using setting = await withBoth()
      const { mirror, upstream } = setting
      assert.equal((await mirror.get(APP)).status, 200)
      await mirror.published(blob.digest)
      setting.asked()
      upstream.script({ path: 'library/other', times: 1, reply: { holdHeaders: true } })
      const pulls = Array.from({ length: 20 }, () => mirror.ask(method, OTHER))
      await setting.mirrorRuns(20)
      await setting.upstreamAsked(1)
      upstream.release()
      for (const answer of await Promise.all(pulls)) assert.equal(answer.status, 200)
      assert.deepEqual(setting.asked(), [PROBE])
    },
  )
}
