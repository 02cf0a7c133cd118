import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { publishedDigests, stagedNames } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'
import type { ConfigChanges } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('shared', 12 * MIB + 3))
const PATH = `/v2/app/blobs/${blob.digest}`
const GET = `GET library/app/blobs/${blob.digest}`
const WHOLE = { expect: { bytes: blob.bytes } }

// Upstream gives so much of its first answer and then waits for release().
async function heldBack(after: number, changes: ConfigChanges = {}): Promise<Setting> {
  const setting = await Setting.start(changes)
  setting.upstream.addBlob('library/app', blob)
  setting.upstream.script({ method: 'GET', times: 1, reply: { stall: { after } } })
  return setting
}

test('twenty who ask at once share one download', async () => {
  await using setting = await heldBack(0)
  const { mirror } = setting
  const pulls = Array.from({ length: 20 }, async () => {
    await using response = await mirror.open(PATH)
    return await response.take(WHOLE)
  })
  await setting.mirrorRuns(20)
  await setting.upstreamAsked(1)
  setting.upstream.release()
  for (const taken of await Promise.all(pulls)) {
    assert.deepEqual([taken.bytes, taken.ending], [blob.size, 'complete'])
  }
  assert.deepEqual(setting.asked(), [GET])
})

test('who comes at any time reads from the start, and each has first bytes at once', async () => {
  await using setting = await heldBack(4 * MIB)
  const { mirror } = setting
  await using first = await mirror.open(PATH)
  while (first.received < 2 * MIB) await first.read()
  await using second = await mirror.open(PATH)
  const chunk = await second.read()
  assert.ok(chunk)
  assert.ok(chunk.equals(blob.bytes.subarray(0, chunk.length)))
  setting.upstream.release()
  const offset = first.received
  const [one, two] = await Promise.all([
    first.take({ expect: { bytes: blob.bytes, offset } }),
    second.take({ expect: { bytes: blob.bytes, offset: chunk.length } }),
  ])
  assert.deepEqual([one.ending, two.ending], ['complete', 'complete'])
  assert.deepEqual(setting.asked(), [GET])
})

test('the first client leaves early and the others finish', async () => {
  await using setting = await heldBack(2 * MIB)
  const { mirror } = setting
  await using first = await mirror.open(PATH)
  await using second = await mirror.open(PATH)
  await first.take({ leaveAfter: 1000 })
  setting.upstream.release()
  assert.equal((await second.take(WHOLE)).ending, 'complete')
  assert.deepEqual(setting.asked(), [GET])
})

test('a slow client does not hold up a quick one', async () => {
  await using setting = await heldBack(MIB)
  const { mirror } = setting
  await using slow = await mirror.open(PATH)
  await slow.read()
  await using quick = await mirror.open(PATH)
  setting.upstream.release()
  assert.equal((await quick.take(WHOLE)).ending, 'complete')
  assert.ok(slow.received < blob.size)
  assert.equal((await slow.take()).bytes > 0, true)
  assert.equal(slow.ending, 'complete')
})

test('a download that all have left is finished where little is missing', async () => {
  await using setting = await heldBack(MIB)
  const { mirror } = setting
  await using only = await mirror.open(PATH)
  await only.take({ leaveAfter: 1000 })
  setting.upstream.release()
  await mirror.published(blob.digest)
  assert.deepEqual(publishedDigests(mirror.folder), [blob.digest])
})

test('a download that all have left is parked where the operator wants that, and taken up again', async () => {
  await using setting = await heldBack(5 * MIB, { abandoned: 'park' })
  const { mirror } = setting
  await using only = await mirror.open(PATH)
  while (only.received < 4 * MIB) await only.read()
  only.leave()
  await mirror.logged(/ parked$/)
  assert.deepEqual(publishedDigests(mirror.folder), [])
  assert.equal(stagedNames(mirror.folder).length, 2)
  setting.asked()

  const answer = await mirror.get(PATH)
  assert.ok(answer.body.equals(blob.bytes))
  await mirror.published(blob.digest)
  const [resumed, ...others] = setting.asked()
  assert.match(resumed ?? '', /^GET library\/app\/blobs\/\S+ bytes=[1-9]\d*-\d+$/)
  assert.deepEqual(others, [])
  assert.deepEqual(stagedNames(mirror.folder), [])
})

test('a stopped mirror takes its download up again with Range after a restart', async () => {
  await using setting = await heldBack(5 * MIB)
  const { mirror } = setting
  await using cut = await mirror.open(PATH)
  while (cut.received < 4 * MIB) await cut.read()
  await mirror.restart()
  assert.notEqual((await cut.take()).ending, 'complete')
  setting.asked()

  await using response = await mirror.open(PATH)
  assert.equal((await response.take(WHOLE)).ending, 'complete')
  await mirror.published(blob.digest)
  const [resumed = '', ...others] = setting.asked()
  assert.ok(Number(/ bytes=(\d+)-/.exec(resumed)?.[1]) >= 4 * MIB, resumed)
  assert.deepEqual(others, [])
})

test('draining lets running responses end', async () => {
  await using setting = await heldBack(MIB)
  const { mirror } = setting
  await using response = await mirror.open(PATH)
  await response.read()
  const drained = mirror.drain()
  setting.upstream.release()
  await response.take()
  assert.equal(response.ending, 'complete')
  await drained
})
