import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { publishedDigests } from '../support/store-invariants.ts'
import { ON_BINARY } from '../support/packaged-mirror.ts'
import { Setting } from '../support/test-mirror.ts'

const blob = heldContent(seededContent('unknown size', 900_000))
const PATH = `/v2/app/blobs/${blob.digest}`

// How long a fill waits for a body without a length to end before it answers without one.
const PATIENCE_MS = 20_000

function makeImpatient(t: TestContext): void {
  const real = setTimeout
  t.mock.method(globalThis, 'setTimeout', ((run: () => void, ms?: number, ...rest: []) =>
    real(run, ms === PATIENCE_MS ? 1 : ms, ...rest)) as typeof setTimeout)
}

async function heldBack(flip?: number): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addBlob('library/app', blob)
  const wrong = flip === undefined ? {} : { flip }
  const reply = { chunked: true, stall: { after: 400_000 }, ...wrong }
  setting.upstream.script({ path: '/blobs/', times: 1, reply })
  return setting
}

// One of them waits it out on the packaged program.
const PATIENCE = { skip: ON_BINARY && 'shortens the wait for a size' }

test('a long body without a length goes out chunked, whole and right, and is stored', async (t) => {
  makeImpatient(t)
  await using setting = await heldBack()
  await using response = await setting.mirror.open(PATH)
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-length'), undefined)
  assert.equal(response.headers.get('transfer-encoding'), 'chunked')
  const first = await response.read()
  assert.ok(first)
  setting.upstream.release()
  const rest = await response.take({ expect: { bytes: blob.bytes, offset: first.length } })
  assert.deepEqual([first.length + rest.bytes, rest.ending], [blob.size, 'complete'])
  await setting.mirror.published(blob.digest)
  assert.deepEqual(publishedDigests(setting.mirror.folder), [blob.digest])
})

test('a range of a body without a length gets the whole', PATIENCE, async (t) => {
  makeImpatient(t)
  await using setting = await heldBack()
  await using response = await setting.mirror.open(PATH, { headers: { range: 'bytes=5-9' } })
  assert.equal(response.status, 200)
  setting.upstream.release()
  const taken = await response.take({ expect: { bytes: blob.bytes } })
  assert.deepEqual([taken.bytes, taken.ending], [blob.size, 'complete'])
})

test('a wrong body without a length is chunked without an end', PATIENCE, async (t) => {
  makeImpatient(t)
  await using setting = await heldBack(899_999)
  await using response = await setting.mirror.open(PATH)
  assert.equal(response.headers.get('transfer-encoding'), 'chunked')
  setting.upstream.release()
  const taken = await response.take()
  assert.equal(taken.ending, 'fin')
  assert.ok(taken.bytes < blob.size)
  await setting.mirror.logged(/could not be fetched/)
  assert.deepEqual(publishedDigests(setting.mirror.folder), [])
})
