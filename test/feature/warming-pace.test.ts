// Live pulls go first: what a run downloads stands back for them, and comes to its end all the same.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldContent, seededContent } from '../support/content.ts'
import { waitUntil } from '../support/wait-until.ts'
import { WarmingSetting } from '../support/warming-setting.ts'

const MIB = 2 ** 20
const NAME = 'ghcr.io/team/app'
const wanted = heldContent(seededContent('wanted by a run', 24 * MIB))
const stalling = heldContent(seededContent('stalling', 4 * MIB))
const pulled = heldContent(seededContent('pulled', 24 * MIB))

async function settingWithBlobs(): Promise<WarmingSetting> {
  const setting = await WarmingSetting.start()
  for (const each of [wanted, stalling, pulled]) setting.upstream.addBlob('team/app', each)
  return setting
}

// A pull that goes on until upstream is released.
async function settingWithPull(): Promise<{ setting: WarmingSetting; first: Promise<Buffer> }> {
  const setting = await settingWithBlobs()
  setting.upstream.script({ path: stalling.digest, times: 1, reply: { stall: { after: MIB } } })
  const first = setting.pull(NAME, stalling.digest)
  await waitUntil(() => setting.warm.isYielding, { what: 'a live pull', everyMs: 1 })
  return { setting, first }
}

test('beside a live pull a run gets next to nothing, and goes on when that is over', async () => {
  const { setting: opened, first } = await settingWithPull()
  await using setting = opened
  const { upstream } = setting
  let arrived = 0
  const stored = setting.storeBlob(NAME, wanted, { arrived: (bytes) => void (arrived += bytes) })
  assert.ok((await setting.pull(NAME, pulled.digest)).equals(pulled.bytes))
  const share = arrived / pulled.size
  assert.ok(share < 0.2, `${arrived} bytes for the run`)
  upstream.release()
  assert.ok((await first).equals(stalling.bytes))
  assert.deepEqual(await stored, { how: 'fetched', bytes: wanted.size })
  assert.equal(upstream.log.find({ path: wanted.digest }).length, 1)
})

test('a client that joins what a run downloads gets it at full speed', async () => {
  const { setting: opened, first } = await settingWithPull()
  await using setting = opened
  const { upstream } = setting
  const arrived = Promise.withResolvers<void>()
  const stored = setting.storeBlob(NAME, wanted, { arrived: () => arrived.resolve() })
  await arrived.promise
  // At the pace of a run this would take minutes.
  assert.ok((await setting.pull(NAME, wanted.digest)).equals(wanted.bytes))
  assert.equal((await stored).how, 'fetched')
  assert.equal(upstream.log.find({ path: wanted.digest }).length, 1)
  upstream.release()
  await first
})

test('a cap holds for its run and not for clients, and no connection is taken for dead meanwhile', async () => {
  await using setting = await settingWithBlobs()
  const idleMs = 200
  await setting.reopen({ limits: { bodyIdleTimeoutMs: idleMs } })
  const { upstream } = setting
  const slow = heldContent(seededContent('slow', MIB))
  upstream.addBlob('team/app', slow)
  let arrived = 0
  const stored = setting.storeBlob(NAME, slow, {
    cap: { bytesPerSecond: 256 * 1024 },
    arrived: (bytes) => void (arrived += bytes),
  })
  assert.ok((await setting.pull(NAME, pulled.digest)).equals(pulled.bytes))
  assert.ok(arrived < slow.size, 'a client has had 24 times as much by now')
  // Another run is under no cap, and what it wants too comes at its own pace.
  assert.equal((await setting.storeBlob(NAME, wanted)).how, 'fetched')
  assert.ok(arrived < slow.size, 'another run has had 24 times as much by now')
  // Each chunk is waited for longer than upstream may be silent.
  const before = arrived
  await waitUntil(() => arrived > before, { what: 'the next bytes', everyMs: idleMs })
  await setting.storeBlob(NAME, slow)
  assert.equal((await stored).how, 'fetched')
  assert.equal(upstream.log.find({ path: slow.digest }).length, 1)
})

test('what stands back when a run stops is parked at once', async () => {
  const { setting: opened, first } = await settingWithPull()
  await using setting = opened
  const { upstream } = setting
  const stopping = new AbortController()
  const arrived = Promise.withResolvers<void>()
  const stored = setting.storeBlob(NAME, wanted, {
    signal: stopping.signal,
    arrived: () => arrived.resolve(),
  })
  await arrived.promise
  stopping.abort(new Error('it is late'))
  await assert.rejects(stored, /it is late/)
  upstream.release()
  await first
})
