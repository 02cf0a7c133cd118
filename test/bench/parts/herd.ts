// A herd: many clients at the same moment on one blob that the mirror does not have.
import { checkHash } from '../check-hash.ts'
import { downloadByAll } from '../curl.ts'
import type { Part } from '../part.ts'
import { blobUrl, startMirror, startPeer } from '../servers.ts'
import { measureUsage } from '../usage.ts'

const MEBIBYTES = 256
const CLIENTS = 16
const SERVERS = [
  { name: 'regmirror', start: startMirror },
  { name: 'docker-registry', start: startPeer },
] as const

export const herd: Part = async (stage) => {
  const blob = await stage.catalog.layer(MEBIBYTES)
  const title = `herd, ${CLIENTS} clients on a cold ${MEBIBYTES} MiB blob`

  return async (round) => {
    for (const { name, start } of round.inTurn(SERVERS)) {
      await round.measure(title, name, async () => {
        await using server = await start(stage.upstream.url) // with an empty folder
        const url = blobUrl(server, blob)
        const mark = stage.log.mark()
        const download = () => downloadByAll(url, blob.size, { clients: CLIENTS })
        const { result: total, cpuSeconds, peakMiB } = await measureUsage(server.pid, download)
        const fetched = stage.log.fetchesSince(mark, blob.digest)
        if (round.number === 0) await checkHash(url, blob.digest)
        return {
          total,
          upstreamGets: fetched.requests,
          upstreamBlobs: fetched.bytes / blob.size,
          cpuPerGB: cpuSeconds / ((blob.size * CLIENTS) / 1e9),
          peak: peakMiB,
        }
      })
    }
  }
}
