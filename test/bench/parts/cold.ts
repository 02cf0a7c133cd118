// A cold pull: what a mirror that has nothing yet adds to the way from the upstream to one client.
import { checkHash } from '../check-hash.ts'
import type { Blob } from '../catalog.ts'
import type { Part } from '../part.ts'
import { blobUrl, direct, startMirror, startPeer } from '../servers.ts'
import type { Server } from '../servers.ts'
import { LINK_BYTES_PER_SECOND } from '../stage.ts'
import { timedPull } from '../timed-pull.ts'
import { measureUsage } from '../usage.ts'
import type { Sample } from '../metrics.ts'

const MEBIBYTES = 512
const WARM_UP_MEBIBYTES = 1
export const cold: Part = async (stage) => {
  const blob = await stage.catalog.layer(MEBIBYTES)
  const warmUp = await stage.catalog.layer(WARM_UP_MEBIBYTES)
  const links = [
    { name: 'unthrottled', upstream: stage.upstream.url },
    { name: `${LINK_BYTES_PER_SECOND / 1e6} MB/s link`, upstream: await stage.link() },
  ]

  const servers = [
    { name: 'regmirror', start: startMirror },
    { name: 'docker-registry', start: startPeer },
    { name: 'direct', start: async (url: string) => direct(url, stage.upstream) },
  ] as const

  return async (round) => {
    for (const { name: link, upstream } of links) {
      const title = `cold pull, ${MEBIBYTES} MiB blob, ${link}`
      for (const { name, start } of round.inTurn(servers)) {
        await round.measure(title, name, async () => {
          await using server = await start(upstream) // with an empty folder
          // The blob is to be cold, not the process: its start is another measure.
          await timedPull(blobUrl(server, warmUp), warmUp.size)
          const sample = await pull(server, blob)
          // What it stored, once; over the link it would be the same.
          if (round.number === 0 && upstream === stage.upstream.url) {
            await checkHash(blobUrl(server, blob), blob.digest)
          }
          return sample
        })
      }
    }
  }
}

async function pull(server: Server, blob: Blob): Promise<Sample> {
  const work = () => timedPull(blobUrl(server, blob), blob.size)
  const { result, cpuSeconds, peakMiB } = await measureUsage(server.pid, work)
  const sample = { firstByte: result.firstByteMs, total: result.totalSeconds }
  if (server.name === 'direct') return sample // the upstream's own cost is of no interest here
  return { ...sample, cpuPerGB: cpuSeconds / (blob.size / 1e9), peak: peakMiB }
}
