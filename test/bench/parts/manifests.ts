// Manifest hits: a fresh tag, and a digest, asked for by many connections at once.
import { sha256 } from '../../support/content.ts'
import type { SmallImage } from '../catalog.ts'
import { load } from '../load.ts'
import type { Sample } from '../metrics.ts'
import type { Part } from '../part.ts'
import { manifestUrl } from '../servers.ts'
import type { Server } from '../servers.ts'
import { measureUsage } from '../usage.ts'

const CONNECTIONS = 64
const SECONDS = 2

export const manifests: Part = async (stage) => {
  const images = await stage.catalog.small()
  const servers = await stage.warm()
  for (const server of servers) {
    for (const image of images) await check(server, image)
  }

  const ask = async (server: Server, image: SmallImage, reference: string): Promise<Sample> => {
    const url = manifestUrl(server, image.repository, reference)
    const { wrk } = stage.programs
    const options = { accept: image.mediaType, connections: CONNECTIONS, seconds: SECONDS, wrk }
    const { result, cpuSeconds } = await measureUsage(server.pid, () => load([url], options))
    return { answers: result.perSecond, cpuPerAnswer: (cpuSeconds * 1e6) / result.answers }
  }
  // Else the first round would measure code that has not been compiled yet.
  const [first] = images
  for (const server of servers) if (first) await ask(server, first, first.tag)

  return async (round) => {
    // The same for all servers of a round, another one in the next.
    const image = images[round.number % images.length]
    if (image === undefined) throw new Error('there is no image')
    for (const [kind, reference] of [
      ['tag', image.tag],
      ['digest', image.digest],
    ] as const) {
      const title = `manifest hits by ${kind}, ${CONNECTIONS} connections`
      for (const server of round.inTurn(servers)) {
        await round.measure(title, server.name, () => ask(server, image, reference))
      }
    }
  }
}

async function check(server: Server, { repository, tag, digest, mediaType }: SmallImage) {
  for (const reference of [tag, digest]) {
    const url = manifestUrl(server, repository, reference)
    const response = await fetch(url, { headers: { accept: mediaType } })
    const got = sha256(Buffer.from(await response.arrayBuffer()))
    const type = response.headers.get('content-type')
    if (response.status !== 200 || got !== digest || type !== mediaType) {
      throw new Error(`${url}: status ${response.status}, ${type}, got ${got}`)
    }
  }
}
