// Downloads of a run that meet others: stopped ones, broken disks, and content of other repositories.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreError } from '../../src/errors.ts'
import { heldContent, seededContent } from '../support/content.ts'
import type { HeldContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import { status } from '../support/scripted-reply.ts'
import { waitUntil } from '../support/wait-until.ts'
import { digestNamed, WarmingSetting } from '../support/warming-setting.ts'

const MIB = 2 ** 20
const APP = 'ghcr.io/team/app'
const OTHER = 'ghcr.io/team/other'
const blob = heldContent(seededContent('storing', 2 * MIB))
const second = heldContent(seededContent('storing, another', 1000))
const image = buildImage({ seed: 'storing', form: 'oci', architectures: ['amd64'] })
const kept = MIB + 100_000

async function settingWithBlobs(): Promise<WarmingSetting> {
  const setting = await WarmingSetting.start()
  for (const each of [blob, second]) setting.upstream.addBlob('team/app', each)
  setting.upstream.addImage('team/other', '1', image)
  return setting
}

// A run that stopped in the middle of it; resolves before it is out of the way.
async function stopMidway(
  setting: WarmingSetting,
  content: HeldContent,
): Promise<{ readonly stopped: Promise<unknown> }> {
  const { upstream } = setting
  upstream.script({ path: content.digest, times: 1, reply: { stall: { after: kept } } })
  const stopping = new AbortController()
  let arrived = 0
  const stored = setting.storeBlob(APP, content, {
    signal: stopping.signal,
    arrived: (bytes) => void (arrived += bytes),
  })
  await waitUntil(() => arrived === kept, { what: 'what comes before the stall', everyMs: 1 })
  upstream.clearScript()
  stopping.abort(new Error('it is late'))
  return { stopped: stored.catch((error: unknown) => error) }
}

test('a run that stops while its download is being begun does not wait for the whole of it', async () => {
  await using setting = await settingWithBlobs()
  setting.upstream.script({ path: blob.digest, times: 1, reply: { stall: { after: 1000 } } })
  const stopping = new AbortController()
  const stored = setting.storeBlob(APP, blob, { signal: stopping.signal })
  stopping.abort(new Error('it is late'))
  await assert.rejects(stored, /it is late/)
  assert.equal(setting.mirror.isDownloading, false)
})

test('what is wanted again while it is being parked goes on from there', async () => {
  await using setting = await settingWithBlobs()
  const { stopped } = await stopMidway(setting, blob)
  for (let n = 0; n < 20; n += 1) await Promise.resolve()
  assert.equal(setting.mirror.isDownloading, true, 'not out of the way yet')
  const rest = await setting.storeBlob(APP, blob)
  await stopped
  assert.deepEqual(rest, { how: 'fetched', bytes: blob.size - kept })
  const path = `GET team/app/blobs/${blob.digest}`
  assert.deepEqual(setting.asked(), [path, `${path} bytes=${kept}-${blob.size - 1}`])
})

test('a disk that failed once is tried again for the next blob at once', async (t) => {
  await using setting = await settingWithBlobs()
  const failure = new StoreError('io', 'input/output error')
  const { mock } = t.mock.method(setting.store.blobs, 'stage')
  mock.mockImplementationOnce(() => Promise.reject(failure))
  await assert.rejects(setting.storeBlob(APP, blob), failure)
  assert.equal((await setting.storeBlob(APP, second)).how, 'fetched')
  assert.equal((await setting.storeBlob(APP, blob)).how, 'fetched')
})

test('what upstream does not have is not asked for again at once', async () => {
  await using setting = await settingWithBlobs()
  assert.deepEqual(await setting.storeBlob(OTHER, blob), { how: 'missing' })
  assert.equal(setting.asked().length, 1)
  assert.deepEqual(await setting.storeBlob(OTHER, blob), { how: 'missing' })
  assert.deepEqual(setting.asked(), [])
})

test('what is kept of one repository is neither given to another’s clients nor taken from it', async () => {
  await using setting = await settingWithBlobs()
  const { upstream, mirror } = setting
  await (
    await stopMidway(setting, blob)
  ).stopped
  setting.asked()
  upstream.script({ path: 'other/blobs/', times: 1, reply: { ...status(404), holdHeaders: true } })
  const stored = setting.storeBlob(OTHER, blob)
  await waitUntil(() => upstream.log.all.length === 1, { what: 'the request', everyMs: 1 })
  const pulled = mirror.blob(setting.repository(OTHER), digestNamed(blob.digest))
  upstream.release()
  assert.equal(await pulled, undefined)
  assert.deepEqual(await stored, { how: 'missing' })
  const rest = await setting.storeBlob(APP, blob)
  assert.deepEqual(rest, { how: 'fetched', bytes: blob.size - kept })
})
