// A herd: many clients at the same moment on one blob that the mirror does not have. nginx, as a
// caching proxy that lets only one of them ask upstream, makes the others wait for the whole blob.
import { checkHash } from '../check-hash.ts'
import { discard, wholes } from '../discard.ts'
import type { Part } from '../part.ts'
import { blobUrl, startMirror, startNginxCache, startPeer } from '../servers.ts'
import { measureUsage } from '../usage.ts'

const MEBIBYTES = 512
const CLIENTS = 32

export const herd: Part = async (stage) => {
  const blob = await stage.catalog.layer(MEBIBYTES)
  const title = `herd, ${CLIENTS} clients on a cold ${MEBIBYTES} MiB blob`
  const servers = [
    { name: 'regmirror', start: startMirror },
    { name: 'docker-registry', start: startPeer },
    ...(stage.programs.nginx ? [{ name: 'nginx', start: startNginxCache }] : []),
  ] as const

  return async (round) => {
    for (const { name, start } of round.inTurn(servers)) {
      await round.measure(title, name, async () => {
        await using server = await start(stage.upstream.url) // with an empty folder
        const url = blobUrl(server, blob)
        const mark = stage.log.mark()
        const download = () => discard({ url, connections: wholes(CLIENTS, blob.size) })
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
