// Hits of a large blob: how fast a server copies a file from the page cache to its clients.
import { checkHash } from '../check-hash.ts'
import { downloadByAll } from '../curl.ts'
import type { Part } from '../part.ts'
import { blobUrl } from '../servers.ts'
import { measureUsage } from '../usage.ts'

const MEBIBYTES = 512
// One client alone takes it twice, or a tick of the CPU clock would be a tenth of the result.
const CASES = [
  { clients: 1, pulls: 2 },
  { clients: 4, pulls: 1 },
]

export const hits: Part = async (stage) => {
  const blob = await stage.catalog.layer(MEBIBYTES)
  const servers = await stage.warm()
  stage.say('filling the caches and checking what they send')
  for (const server of servers) {
    const url = blobUrl(server, blob)
    await measureUsage(server.pid, () => checkHash(url, blob.digest))
    await checkHash(url, blob.digest)
  }

  return async (round) => {
    for (const { clients, pulls } of CASES) {
      const title = `hits, ${MEBIBYTES} MiB blob, ${clients} client${clients === 1 ? '' : 's'}`
      for (const server of round.inTurn(servers)) {
        await round.measure(title, server.name, async () => {
          const download = () => downloadByAll(blobUrl(server, blob), blob.size, { clients, pulls })
          const { result: seconds, cpuSeconds, peakMiB } = await measureUsage(server.pid, download)
          const bytes = blob.size * clients * pulls
          const rate = bytes / 1e6 / seconds
          return { rate, cpuPerGB: cpuSeconds / (bytes / 1e9), peak: peakMiB }
        })
      }
    }
  }
}
