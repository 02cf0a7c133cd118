// A cold pull: what a mirror that has nothing yet adds to the way from the upstream to one client, and
// when it has stored what it sent. docker-registry answers from one download, unverified, and makes
// another one for itself.
import { existsSync } from 'node:fs'
import { waitUntil } from '../../support/wait-until.ts'
import type { Blob } from '../catalog.ts'
import { checkHash } from '../check-hash.ts'
import type { Sample } from '../metrics.ts'
import type { Part } from '../part.ts'
import { medianOf } from '../results.ts'
import { blobUrl, direct, mirrorName, startMirror, startPeer } from '../servers.ts'
import type { Server } from '../servers.ts'
import { LINK_BYTES_PER_SECOND } from '../stage.ts'
import type { Stage } from '../stage.ts'
import { timedPull } from '../timed-pull.ts'
import { measureUsage } from '../usage.ts'

const WARM_UP_MEBIBYTES = 1
// Pulls of others before the first that counts: a process that has just started compiles as it goes.
const WARM_UP_BLOBS = 100
const FIRST_BYTES = 31
const STORED_TIMEOUT_MS = 120_000

export const cold: Part = async (stage) => {
  const warmUp = await stage.catalog.layer(WARM_UP_MEBIBYTES)
  const others = await stage.catalog.many()
  const smallBlobs = others.slice(WARM_UP_BLOBS)
  const links = [
    { name: 'unthrottled', upstream: stage.upstream.url, mebibytes: 512 },
    {
      name: `${LINK_BYTES_PER_SECOND / 1e6} MB/s link`,
      upstream: await stage.link(),
      mebibytes: 256,
    },
  ]
  for (const { mebibytes } of links) await stage.catalog.layer(mebibytes)
  const servers = [
    ...[undefined, ...stage.runtimes].map((runtime) => ({
      name: mirrorName(runtime),
      start: (url: string) => startMirror(url, runtime && { runtime }),
    })),
    { name: 'docker-registry', start: startPeer },
    { name: 'direct', start: async (url: string) => direct(url, stage.upstream) },
  ] as const

  return async (round) => {
    for (const { name: link, upstream, mebibytes } of links) {
      const blob = await stage.catalog.layer(mebibytes)
      for (const { name, start } of round.inTurn(servers)) {
        await using server = await start(upstream) // with an empty folder
        // The blob is to be cold, not the process: its start is another measure.
        for (const each of [warmUp, ...others.slice(0, WARM_UP_BLOBS)]) {
          await timedPull(blobUrl(server, each), each.size)
        }
        const firstBytes = `first byte of a cold small blob, ${link}, median of ${FIRST_BYTES}`
        await round.measure(firstBytes, name, async () => ({
          firstByte: await medianFirstByte(server, everyNth(smallBlobs)),
        }))
        await round.measure(`cold pull, ${mebibytes} MiB blob, ${link}`, name, async () => {
          const sample = await pull(stage, server, blob)
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

async function medianFirstByte(server: Server, blobs: readonly Blob[]): Promise<number> {
  const all: number[] = []
  for (const blob of blobs) {
    all.push((await timedPull(blobUrl(server, blob), blob.size)).firstByteMs)
  }
  return medianOf(all)
}

function everyNth(blobs: readonly Blob[]): readonly Blob[] {
  const nth = Math.floor(blobs.length / FIRST_BYTES)
  return blobs.filter((_, n) => n % nth === 0).slice(0, FIRST_BYTES)
}

async function pull(stage: Stage, server: Server, blob: Blob): Promise<Sample> {
  const mark = stage.log.mark()
  const { result, cpuSeconds, peakMiB } = await measureUsage(server.pid, async () => {
    const started = performance.now()
    const pulled = await timedPull(blobUrl(server, blob), blob.size)
    const isStored = () => existsSync(server.blobFile(blob.digest))
    await waitUntil(isStored, { what: 'the blob stored', timeoutMs: STORED_TIMEOUT_MS, everyMs: 5 })
    return { ...pulled, stored: (performance.now() - started) / 1000 }
  })
  const times = { firstByte: result.firstByteMs, total: result.totalSeconds }
  if (server.name === 'direct') return times // the upstream's own cost is of no interest here
  return {
    ...times,
    stored: result.stored,
    upstreamBlobs: stage.log.fetchesSince(mark, blob.digest).bytes / blob.size,
    cpuPerGB: cpuSeconds / (blob.size / 1e9),
    peak: peakMiB,
  }
}
