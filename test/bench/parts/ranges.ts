// Random ranges of a large blob that is held, as clients ask for that resume or read lazily. Each has
// its Content-Range checked, and one in 32 every byte: comparing all would cost the client more than
// sending costs nginx.
import { seed } from '../../support/seed.ts'
import { seededRandom } from '../../support/mixed-pulls.ts'
import type { Blob } from '../catalog.ts'
import { discard } from '../discard.ts'
import type { Asked } from '../discard.ts'
import type { Part } from '../part.ts'
import { blobUrl, direct } from '../servers.ts'
import { measureUsage } from '../usage.ts'

const MEBIBYTES = 512
const CONNECTIONS = 8
const RANGES_OF_EACH = 120
const LEAST_BYTES = 64 * 1024
const MOST_BYTES = 4 * 2 ** 20

export const ranges: Part = async (stage) => {
  const blob = await stage.catalog.layer(MEBIBYTES)
  const servers = await stage.warm()
  await stage.fill(servers, blob)
  const { upstream } = stage
  const file = direct(upstream.url, upstream).blobFile(blob.digest)
  const title = `ranges of 64 KiB to 4 MiB of a ${MEBIBYTES} MiB blob, ${CONNECTIONS} connections`

  return async (round) => {
    const connections = randomRanges(blob, seed + round.number)
    const all = connections.flat()
    const bytes = all.reduce((sum, { size }) => sum + size, 0)
    for (const server of round.inTurn(servers)) {
      await round.measure(title, server.name, async () => {
        const work = () => discard({ url: blobUrl(server, blob), connections, file })
        const { result: seconds, cpuSeconds, peakMiB } = await measureUsage(server.pid, work)
        return {
          rate: bytes / 1e6 / seconds,
          answers: all.length / seconds,
          cpuPerGB: cpuSeconds / (bytes / 1e9),
          peak: peakMiB,
        }
      })
    }
  }
}

function randomRanges({ size }: Blob, seedOfRound: number): Asked[][] {
  const random = seededRandom(seedOfRound)
  const range = (): Asked => {
    const length = LEAST_BYTES + random(MOST_BYTES - LEAST_BYTES + 1)
    return { from: random(size - length), size: length }
  }
  const ranges = () => Array.from({ length: RANGES_OF_EACH }, range)
  return Array.from({ length: CONNECTIONS }, ranges)
}
