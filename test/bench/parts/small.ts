// Many small blobs, as images have them: what a server does for each answer counts, not its bytes. One
// client with one connection that it keeps, and sixteen.
import type { Blob } from '../catalog.ts'
import { checkHash } from '../check-hash.ts'
import { downloadEach } from '../curl.ts'
import { load } from '../load.ts'
import type { Sample } from '../metrics.ts'
import type { Part } from '../part.ts'
import { blobUrl, direct, startMirror, startPeer } from '../servers.ts'
import type { Server } from '../servers.ts'
import type { Stage } from '../stage.ts'
import { measureUsage } from '../usage.ts'

const CONNECTIONS = [1, 16]
const SECONDS = 1

export const small: Part = async (stage) => {
  const blobs = await stage.catalog.many()
  const servers = await stage.warm()
  for (const server of servers) {
    for (const blob of blobs) await checkHash(blobUrl(server, blob), blob.digest)
  }
  const starts = [
    { name: 'regmirror', start: startMirror },
    { name: 'docker-registry', start: startPeer },
    { name: 'direct', start: async (url: string) => direct(url, stage.upstream) },
  ] as const

  return async (round) => {
    for (const connections of CONNECTIONS) {
      const many = `${connections} connection${connections === 1 ? '' : 's'}`
      const hits = `hits of ${blobs.length} small blobs, ${many}`
      for (const server of round.inTurn(servers)) {
        await round.measure(hits, server.name, () => ask(stage, server, blobs, connections))
      }
      const cold = `cold pull of ${blobs.length} small blobs, ${many}`
      for (const { name, start } of round.inTurn(starts)) {
        await round.measure(cold, name, async () => {
          await using server = await start(stage.upstream.url) // with an empty folder
          return await pullEach(server, blobs, connections)
        })
      }
    }
  }
}

// By wrk, which costs little beside any of the servers.
async function ask(
  { programs: { wrk } }: Stage,
  server: Server,
  blobs: readonly Blob[],
  connections: number,
): Promise<Sample> {
  const urls = blobs.map((blob) => blobUrl(server, blob))
  const options = { accept: '*/*', connections, seconds: SECONDS, wrk }
  const { result, cpuSeconds } = await measureUsage(server.pid, () => load(urls, options))
  return { answers: result.perSecond, cpuPerAnswer: (cpuSeconds * 1e6) / result.answers }
}

async function pullEach(
  server: Server,
  blobs: readonly Blob[],
  connections: number,
): Promise<Sample> {
  const downloads = blobs.map((blob) => ({ url: blobUrl(server, blob), digest: blob.digest }))
  const work = () => downloadEach(downloads, connections)
  const { result: total, cpuSeconds } = await measureUsage(server.pid, work)
  if (server.name === 'direct') return { total } // the upstream's own cost is of no interest here
  return { total, cpuPerAnswer: (cpuSeconds * 1e6) / blobs.length }
}
