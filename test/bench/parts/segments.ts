// One large blob over a line that is slow for each connection: four connections beside one. The line is
// a process of its own that hardly works: both wait for it, and for nothing else.
import { MEDIA_TYPES } from '../../support/images.ts'
import { checkHash } from '../check-hash.ts'
import type { Part } from '../part.ts'
import { SUBJECT } from '../results.ts'
import { blobUrl, manifestUrl, startMirror } from '../servers.ts'
import { CONNECTION_BYTES_PER_SECOND } from '../stage.ts'
import { timedPull } from '../timed-pull.ts'

// A little more than eight pieces of 8 MiB: as blobs come, and not as pieces divide them best.
const MEBIBYTES = 64
const WARM_UP_MEBIBYTES = 1

export const segments: Part = async (stage) => {
  const blob = await stage.catalog.layer(MEBIBYTES)
  const warmUp = await stage.catalog.layer(WARM_UP_MEBIBYTES)
  const line = await stage.longLine()
  const mirror = (count: number) => () => startMirror(line, { args: ['--segments', String(count)] })
  const servers = [
    { name: SUBJECT, start: mirror(4) },
    { name: 'over one connection', start: mirror(1) },
  ]
  const megabits = (CONNECTION_BYTES_PER_SECOND * 8) / 1e6
  const title = `cold pull, ${MEBIBYTES} MiB blob, ${megabits} Mbit/s per connection, 4 segments`

  return async (round) => {
    for (const { name, start } of round.inTurn(servers)) {
      await round.measure(title, name, async () => {
        await using server = await start()
        await timedPull(blobUrl(server, warmUp), warmUp.size)
        // As every client does: it tells the size, without which there is only one connection.
        await getManifest(manifestUrl(server, blob.repository, 'latest'))
        const mark = stage.log.mark()
        const url = blobUrl(server, blob)
        const { totalSeconds } = await timedPull(url, blob.size)
        const fetched = stage.log.fetchesSince(mark, blob.digest)
        if (round.number === 0) await checkHash(url, blob.digest)
        return {
          total: totalSeconds,
          upstreamGets: fetched.requests,
          upstreamBlobs: fetched.bytes / blob.size,
        }
      })
    }
  }
}

async function getManifest(url: string): Promise<void> {
  const response = await fetch(url, { headers: { accept: MEDIA_TYPES.docker.manifest } })
  await response.arrayBuffer()
  if (response.status !== 200) throw new Error(`${url}: status ${response.status}`)
}
