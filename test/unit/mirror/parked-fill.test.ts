import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { StoreError, UpstreamError } from '../../../src/errors.ts'
import { parseDigest } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { extentsPath, layoutOf, stagingPath } from '../../../src/store/layout.ts'
import { stageBlob } from '../../../src/store/staged-blob.ts'
import { decodeNote } from '../../../src/store/staging-note.ts'
import type { OpenedBlob } from '../../../src/upstream/upstream.ts'
import { heldContent, seededContent } from '../../support/content.ts'
import { FillSetting } from '../../support/fill-setting.ts'
import { ScriptedRoom } from '../../support/scripted-room.ts'

const content = heldContent(seededContent('parked', 400_000))
const digest = parseDigest(content.digest) as Digest
const PLAN = { content, chunkBytes: 50_000, tellsSize: true, isDescribed: true, faults: [] }
const PARKED_BYTES = 300_000

// A setting in which 300 kB lie parked, synced, of what was taken for a content of that size.
async function settingWithParked(t: TestContext, totalBytes: number) {
  const setting = new FillSetting()
  t.after(() => setting.close())
  const layout = layoutOf(setting.folder)
  const staged = await stageBlob(layout, digest)
  await staged.write(0, [Buffer.alloc(PARKED_BYTES, 1)])
  await staged.note([{ start: 0, end: PARKED_BYTES }], totalBytes)
  await staged.sync()
  await staged.park()
  await staged.close()
  return { setting, layout, room: new ScriptedRoom() }
}

function settledBy(room: ScriptedRoom): readonly (readonly [string, number])[] {
  return room.settled.map(({ left, bytes }) => [left, bytes] as const)
}

test('a parked download that cannot be opened goes on counting', async (t) => {
  const { setting, room } = await settingWithParked(t, content.size)
  const fill = setting.start(PLAN, {
    room,
    stage: () => Promise.reject(new StoreError('io', 'cannot stage it')),
    stagedBytes: () => Promise.resolve(PARKED_BYTES),
  })
  assert.equal((await fill.ended).how, 'passed')
  assert.deepEqual(settledBy(room), [['parked', PARKED_BYTES]])
})

test('a parked download that gets no room stays as it was', async (t) => {
  const { setting, layout } = await settingWithParked(t, content.size)
  const fill = setting.start(PLAN, { room: new ScriptedRoom(0) })
  assert.equal((await fill.ended).how, 'passed')
  assert.equal(setting.given.length, 0)
  assert.equal(statSync(stagingPath(layout, digest)).size, PARKED_BYTES)
  const staged = await stageBlob(layout, digest)
  assert.deepEqual(staged.extents, [{ start: 0, end: PARKED_BYTES }])
  assert.equal(staged.totalBytes, content.size)
  await staged.park()
  await staged.close()
})

test('a download of another size than the parked one leaves no more than it counts', async (t) => {
  const { setting, layout, room } = await settingWithParked(t, content.size + 1)
  const fill = setting.start(PLAN, { room, open: () => Promise.resolve(refusedAfter(100_000)) })
  assert.equal((await fill.ended).how, 'failed')
  const [[left, bytes] = ['nothing', 0]] = settledBy(room)
  assert.equal(left, 'parked')
  assert.equal(bytes, statSync(stagingPath(layout, digest)).size)
  assert.ok(bytes > 0 && bytes < PARKED_BYTES, `${bytes}`)
})

test('what was synced of another content is believed no more once a download begins afresh', async (t) => {
  const { setting, layout } = await settingWithParked(t, content.size + 1)
  const staged = await stageBlob(layout, digest)
  assert.deepEqual(staged.extents, [{ start: 0, end: PARKED_BYTES }])
  await staged.beginAfresh()
  assert.deepEqual(staged.extents, [])
  assert.equal(statSync(extentsPath(layout, digest)).size, 0, 'before a byte is written')
  await staged.write(0, [content.bytes.subarray(0, 10)])
  await staged.note([{ start: 0, end: 10 }], content.size)
  await staged.park()
  await staged.close()
  assert.deepEqual(decodeNote(readFileSync(extentsPath(layout, digest)))?.note.synced, [])
  assert.equal((await setting.start(PLAN).ended).how, 'published')
})

test('what another size was parked of stays while upstream gives nothing', async (t) => {
  const { setting, layout, room } = await settingWithParked(t, content.size + 1)
  const fill = setting.start(PLAN, {
    room,
    mustAsk: true,
    open: () => Promise.reject(new UpstreamError('unauthorized', 'no')),
  })
  assert.equal((await fill.ended).how, 'failed')
  assert.deepEqual(settledBy(room), [['parked', PARKED_BYTES]])
  assert.equal(statSync(stagingPath(layout, digest)).size, PARKED_BYTES)
})

function refusedAfter(bytes: number): OpenedBlob {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield content.bytes.subarray(0, bytes)
    throw new UpstreamError('unauthorized', 'no more')
  }
  return {
    start: 0,
    isPart: false,
    totalBytes: content.size,
    body: body(),
    abort: () => {},
    distrust: () => false,
    isAnonymous: true,
    isOrigin: true,
  }
}
