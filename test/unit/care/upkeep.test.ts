import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logCareEvents } from '../../../src/care/events.ts'
import { createUpkeep } from '../../../src/care/upkeep.ts'
import type { Index } from '../../../src/store/index-port.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { ScriptedRoom } from '../../support/scripted-room.ts'
import { waitUntil } from '../../support/wait-until.ts'

function upkeepOf(kept: KeptStore, index: Index, told: string[]) {
  const tell = (message: string): void => void told.push(message)
  const { blobs: store, hasher, inspection } = kept.store
  return createUpkeep({
    ...{ index, store, hasher, inspection, room: new ScriptedRoom(), now: Date.now },
    events: logCareEvents({ debug: tell, info: tell, warn: tell, error: tell }),
    isBusy: () => false,
    sleep: () => Promise.resolve(),
    brokenDownloads: async function* () {},
    scrubMs: 1000,
  })
}

test('a mistake in what runs beside the pulls is told, and the rest goes on', async () => {
  await using kept = await KeptStore.open()
  const told: string[] = []
  let scrubs = 0
  const index: Index = {
    ...kept.store.index,
    pendingCheck: () => Promise.reject(new TypeError('a mistake')),
    leastRecentlyChecked: () => {
      scrubs += 1
      return Promise.reject(new TypeError('another mistake'))
    },
  }
  const upkeep = upkeepOf(kept, index, told)
  upkeep.start()
  await waitUntil(() => told.length === 2, { what: 'both mistakes', everyMs: 1 })
  await upkeep.close()
  assert.equal(scrubs, 1)
  for (const line of told) assert.match(line, /no longer checked until the next start: .*mistake/)
})

test('who needs an index that is being made again waits for that, and does not do it twice', async () => {
  await using kept = await KeptStore.open()
  const { promise: isLookedAt, resolve: goOn } = Promise.withResolvers<void>()
  let pending = true
  let looks = 0
  const index: Index = {
    ...kept.store.index,
    pendingCheck: () => Promise.resolve(pending ? { kind: 'rebuild', from: undefined } : undefined),
    checkDone: () => {
      pending = false
      return Promise.resolve()
    },
    blobsAfter: async () => {
      looks += 1
      await isLookedAt
      return []
    },
    leastRecentlyChecked: () => Promise.resolve([]),
  }
  const upkeep = upkeepOf(kept, index, [])
  upkeep.start()
  await waitUntil(() => looks === 1, { what: 'the look at what is stored', everyMs: 1 })

  const gone = new AbortController()
  const impatient = upkeep.rebuild({ signal: gone.signal, progress: () => {} })
  gone.abort()
  await assert.rejects(impatient, { name: 'AbortError' })

  let isRebuilt = false
  const patient = upkeep
    .rebuild({ signal: new AbortController().signal, progress: () => {} })
    .then(() => (isRebuilt = true))
  await new Promise(setImmediate)
  assert.equal(isRebuilt, false)
  goOn()
  await patient
  assert.equal(looks, 1)
  await upkeep.close()
})
