import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logCareEvents } from '../../../src/care/events.ts'
import { createUpkeep } from '../../../src/care/upkeep.ts'
import type { Index } from '../../../src/store/index-port.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { ScriptedRoom } from '../../support/scripted-room.ts'
import { waitUntil } from '../../support/wait-until.ts'

test('a mistake in what runs beside the pulls is told, and the rest goes on', async () => {
  await using kept = await KeptStore.open()
  const told: string[] = []
  const tell = (message: string): void => void told.push(message)
  let scrubs = 0
  const index: Index = {
    ...kept.store.index,
    pendingCheck: () => Promise.reject(new TypeError('a mistake')),
    leastRecentlyChecked: () => {
      scrubs += 1
      return Promise.reject(new TypeError('another mistake'))
    },
  }
  const { blobs: store, hasher, inspection } = kept.store
  const upkeep = createUpkeep({
    ...{ index, store, hasher, inspection, room: new ScriptedRoom(), now: Date.now },
    events: logCareEvents({ debug: tell, info: tell, warn: tell, error: tell }),
    isBusy: () => false,
    sleep: () => Promise.resolve(),
    brokenDownloads: async function* () {},
    scrubMs: 1000,
  })
  upkeep.start()
  await waitUntil(() => told.length === 2, { what: 'both mistakes', everyMs: 1 })
  await upkeep.close()
  assert.equal(scrubs, 1)
  for (const line of told) assert.match(line, /no longer checked until the next start: .*mistake/)
})
