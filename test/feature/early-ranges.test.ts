import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { publishedDigests } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('early', 24 * MIB + 5))
const PATH = `/v2/app/blobs/${blob.digest}`
const GET = `GET library/app/blobs/${blob.digest}`
const SUFFIX = { range: 'bytes=-100000' }
const WHOLE = { expect: { bytes: blob.bytes } }

// The main download waits after its first bytes until release().
async function heldBack(): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addBlob('library/app', blob)
  setting.upstream.script({ method: 'GET', times: 1, reply: { stall: { after: MIB } } })
  return setting
}

test('a short range far ahead is asked for at once, and is not fetched twice', async () => {
  await using setting = await heldBack()
  const { mirror, upstream } = setting
  await using whole = await mirror.open(PATH)
  const first = await whole.read()
  assert.ok(first)
  const suffix = await mirror.get(PATH, SUFFIX)
  assert.equal(suffix.status, 206)
  assert.ok(suffix.body.equals(blob.bytes.subarray(-100_000)))
  const range = `bytes=${blob.size - 100_000}-${blob.size - 1}`
  assert.deepEqual(setting.asked(), [GET, `${GET} ${range}`])

  upstream.release()
  const rest = await whole.take({ expect: { bytes: blob.bytes, offset: first.length } })
  assert.equal(rest.ending, 'complete')
  await mirror.published(blob.digest)
  assert.deepEqual(publishedDigests(mirror.folder), [blob.digest])
  assert.deepEqual(setting.asked(), [])
})

test('a short range in the middle, far ahead: the download goes on behind it and is right', async () => {
  await using setting = await heldBack()
  const { mirror, upstream } = setting
  await using whole = await mirror.open(PATH)
  await whole.read()
  const start = 20 * MIB + 3
  const range = `bytes=${start}-${start + 99_999}`
  const middle = await mirror.get(PATH, { range })
  assert.ok(middle.body.equals(blob.bytes.subarray(start, start + 100_000)))
  upstream.release()
  await whole.take()
  assert.equal(whole.ending, 'complete')
  await mirror.published(blob.digest)
  // What follows the window is one more request; before it nothing is fetched again.
  const [, early, ...others] = setting.asked()
  assert.equal(early, `${GET} ${range}`)
  assert.ok(others.length <= 1)
  await using stored = await mirror.open(PATH)
  assert.equal((await stored.take(WHOLE)).ending, 'complete')
})

test('a range that is short but near waits for the one download', async () => {
  await using setting = await heldBack()
  const { mirror, upstream } = setting
  await using whole = await mirror.open(PATH)
  await whole.read()
  const near = mirror.get(PATH, { range: `bytes=${2 * MIB}-${2 * MIB + 9}` })
  await setting.mirrorRuns(2)
  upstream.release()
  assert.ok((await near).body.equals(blob.bytes.subarray(2 * MIB, 2 * MIB + 10)))
  assert.equal((await whole.take()).ending, 'complete')
  assert.deepEqual(setting.asked(), [GET])
})

test('an early request that fails leaves the range to the one download', async () => {
  await using setting = await heldBack()
  const { mirror, upstream } = setting
  upstream.script({ method: 'GET', times: 1, reply: { cut: { after: 10, by: 'rst' } } })
  await using whole = await mirror.open(PATH)
  await whole.read()
  const suffix = mirror.get(PATH, SUFFIX)
  await setting.upstreamAsked(2)
  upstream.release()
  assert.ok((await suffix).body.equals(blob.bytes.subarray(-100_000)))
  assert.equal((await whole.take()).ending, 'complete')
})

test('wrong bytes of an early request: nothing is stored and the whole is never delivered', async () => {
  await using setting = await heldBack()
  const { mirror, upstream } = setting
  upstream.script({ method: 'GET', times: 1, reply: { flip: blob.size - 5 } })
  await using whole = await mirror.open(PATH)
  await whole.read()
  await mirror.get(PATH, SUFFIX)
  upstream.release()
  assert.equal((await whole.take()).ending, 'fin')
  await mirror.logged(/could not be fetched/)
  assert.deepEqual(publishedDigests(mirror.folder), [])
})

test('a mirror stops at once, whatever an early request is doing', async () => {
  await using setting = await heldBack()
  const { mirror, upstream } = setting
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: 10 } } })
  await using whole = await mirror.open(PATH)
  await whole.read()
  await using suffix = await mirror.open(PATH, { headers: SUFFIX })
  await setting.upstreamAsked(2)
  await mirror.stop()
  assert.notEqual((await whole.take()).ending, 'complete')
  assert.notEqual((await suffix.take()).ending, 'complete')
})
