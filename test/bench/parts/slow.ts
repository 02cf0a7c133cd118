// Whether manifest hits keep their pace beside clients that make a server wait: alone, beside 32 that
// read a large blob slowly, and beside four that read one which is not in the page cache. Those take so
// few bytes that their share of the CPU does not count: what an answer waits for is what counts.
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../../support/process.ts'
import type { Blob } from '../catalog.ts'
import { load } from '../load.ts'
import type { Sample } from '../metrics.ts'
import type { Part } from '../part.ts'
import { blobUrl, manifestUrl } from '../servers.ts'
import type { Server } from '../servers.ts'
import { SlowReaders } from '../slow-readers.ts'
import { diskBytesRead } from '../usage.ts'

const MEBIBYTES = 512
const CONNECTIONS = 64
const SECONDS = 2
const SLOW = { readers: 32, bytesPerSecond: 2 ** 20 }
const UNCACHED = { readers: 4, bytesPerSecond: 8 * 2 ** 20 }
// Until the readers have what the kernel's buffers took at once, and read on at their own pace.
const SETTLE_MS = 500

export const slow: Part = async (stage) => {
  const [image] = await stage.catalog.small()
  const blob = await stage.catalog.layer(MEBIBYTES)
  const servers = await stage.warm()
  await stage.fill(servers, blob)
  const title = `manifest hits by tag, ${CONNECTIONS} connections`

  const ask = async (server: Server): Promise<Sample> => {
    if (image === undefined) throw new Error('there is no image')
    const { wrk } = stage.programs
    const options = { accept: image.mediaType, connections: CONNECTIONS, seconds: SECONDS, wrk }
    const url = manifestUrl(server, image.repository, image.tag)
    const { perSecond, longestMs } = await load([url], options)
    return { answers: perSecond, longestPause: longestMs }
  }

  // Else the first, which is the one alone, would find code that has not been compiled yet.
  for (const server of servers) await ask(server)

  return async (round) => {
    for (const server of round.inTurn(servers)) {
      let alone = NaN
      const besides = (sample: Sample) => ({ ...sample, ofAlone: (sample.answers ?? NaN) / alone })
      await round.measure(`${title}, alone`, server.name, async () => {
        const sample = await ask(server)
        alone = sample.answers ?? NaN
        return sample
      })
      await round.measure(
        `${title}, beside ${SLOW.readers} slow readers`,
        server.name,
        async () => {
          await using readers = await readSlowly(server, blob, SLOW)
          return besides(await whileRead(readers, SLOW, () => ask(server)))
        },
      )
      const beside = `beside ${UNCACHED.readers} readers of what is not in the page cache`
      await round.measure(`${title}, ${beside}`, server.name, async () => {
        await dropFromCache(server.blobFile(blob.digest))
        const before = diskBytesRead(server.pid)
        await using readers = await readSlowly(server, blob, UNCACHED)
        const sample = besides(await whileRead(readers, UNCACHED, () => ask(server)))
        const read = diskBytesRead(server.pid) - before
        if (read < readers.bytes / 2) throw new Error(`only ${read} bytes came from the disk`)
        return sample
      })
    }
  }
}

// Each begins at its own place, so that each byte is read by one of them.
function readSlowly(
  server: Server,
  blob: Blob,
  { readers, bytesPerSecond }: typeof SLOW,
): Promise<SlowReaders> {
  const each = (_: unknown, n: number) => ({
    url: blobUrl(server, blob),
    from: Math.floor((blob.size * n) / readers),
  })
  return SlowReaders.begin(Array.from({ length: readers }, each), bytesPerSecond)
}

// A server that lets them starve has not kept its pace.
async function whileRead(
  readers: SlowReaders,
  { readers: count, bytesPerSecond }: typeof SLOW,
  work: () => Promise<Sample>,
): Promise<Sample> {
  await delay(SETTLE_MS)
  const before = readers.bytes
  const sample = await work()
  const read = readers.bytes - before
  const due = count * bytesPerSecond * SECONDS
  if (read < due / 2) throw new Error(`the readers got ${read} bytes, and could take ${due}`)
  return sample
}

async function dropFromCache(file: string): Promise<void> {
  await run('dd', [`if=${file}`, 'iflag=nocache', 'count=0']) // posix_fadvise, without root
}
