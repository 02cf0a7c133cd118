// What a server holds in memory: when it was just started, with a thousand connections that wait, with
// 64 large downloads, and when all of that is over. One process goes through all of it.
import { setTimeout as delay } from 'node:timers/promises'
import { MIB } from '../../support/cold-blob.ts'
import { IdleConnections } from '../../support/idle-connections.ts'
import type { Blob } from '../catalog.ts'
import type { Part } from '../part.ts'
import { blobUrl, startMirror, startPeer } from '../servers.ts'
import { SlowReaders } from '../slow-readers.ts'
import type { SlowRead } from '../slow-readers.ts'
import { timedPull } from '../timed-pull.ts'
import { measureUsage, residentWhenQuiet } from '../usage.ts'

const CONNECTIONS = 1000
const DOWNLOADS = 64
// Each is one blob for eight of the downloads.
const MEBIBYTES = [24, 25, 26, 27, 28, 29, 30, 31]
const SLOW_SECONDS = 3
const SLOW_BYTES_PER_SECOND = MIB
const SERVERS = [
  { name: 'regmirror', start: startMirror },
  { name: 'docker-registry', start: startPeer },
] as const

export const memory: Part = async (stage) => {
  const blobs: Blob[] = []
  for (const mebibytes of MEBIBYTES) blobs.push(await stage.catalog.layer(mebibytes))
  const all = Array.from({ length: DOWNLOADS }, (_, n) => blobs[n % blobs.length] as Blob)

  return async (round) => {
    for (const { name, start } of round.inTurn(SERVERS)) {
      await using server = await start(stage.upstream.url) // with an empty folder
      const { pid } = server
      const measure = (title: string, work: () => Promise<number>) =>
        round.measure(title, name, async () => ({ resident: await work() }))
      const peakOf = async (work: () => Promise<unknown>) => (await measureUsage(pid, work)).peakMiB

      let before = NaN
      await measure('idle, just started', async () => (before = await residentWhenQuiet(pid)))
      await round.measure(`${CONNECTIONS} idle connections`, name, async () => {
        await using _idle = await IdleConnections.open(server.url, CONNECTIONS)
        const resident = await residentWhenQuiet(pid)
        return { resident, perConnection: ((resident - before) * 1024) / CONNECTIONS }
      })
      await measure(`peak, ${DOWNLOADS} downloads of ${blobs.length} cold blobs`, () =>
        peakOf(() => Promise.all(all.map((blob) => timedPull(blobUrl(server, blob), blob.size)))),
      )
      await measure(`peak, ${DOWNLOADS} slow downloads of what is held`, () =>
        peakOf(() => readSlowly(all.map((blob) => ({ url: blobUrl(server, blob) })))),
      )
      await measure('idle, after all of that', () => residentWhenQuiet(pid))
    }
  }
}

// What piles up for those who read slowly piles up in the first moments.
async function readSlowly(reads: readonly SlowRead[]): Promise<void> {
  await using _readers = await SlowReaders.begin(reads, SLOW_BYTES_PER_SECOND)
  await delay(SLOW_SECONDS * 1000)
}
