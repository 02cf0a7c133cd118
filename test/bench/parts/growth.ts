// The mirror against itself with a tenth of the index: what answers, and what looks, should not notice
// how much there is. Both hold the same images for real, beside the many that only their index has.
import { RegMirror } from '../../support/binary.ts'
import { makeBigIndex } from '../../support/big-index.ts'
import type { BigImage } from '../../support/big-index.ts'
import { run } from '../../support/process.ts'
import { campaign } from '../../support/seed.ts'
import { TempFolder } from '../../support/temp-folder.ts'
import type { Blob } from '../catalog.ts'
import { discard, wholes } from '../discard.ts'
import { getManifest, HitsMeanwhile } from '../hits-meanwhile.ts'
import { load } from '../load.ts'
import type { Sample } from '../metrics.ts'
import type { Part } from '../part.ts'
import { medianOf, SUBJECT } from '../results.ts'
import type { Stage } from '../stage.ts'
import { commandSeconds, seconds } from '../timed.ts'
import { timedPull } from '../timed-pull.ts'
import { measureUsage, residentWhenQuiet } from '../usage.ts'
import { heldList, warmAgain } from '../warm-list.ts'
import type { HeldList } from '../warm-list.ts'

// A tag brings eleven blobs.
const TAGS = campaign(100_000) // REGMIRROR_CAMPAIGN=0.1 makes it ten times smaller, for a quick look
const TIMES = 10
const STARTS = 5
const COMMANDS = 3
const HIT = { mebibytes: 256, clients: 4 }
const COLD_MEBIBYTES = 64
const CONNECTIONS = 64
const LOAD_SECONDS = 2
// Of as many images in both.
const PREFIX = 'ghcr.io/team-13/app-13'

interface Grown {
  readonly name: string
  readonly mirror: RegMirror
  readonly images: readonly BigImage[] // all over the index
  readonly list: HeldList
}

type Case = readonly [what: string, take: (one: Grown) => Promise<Sample>]

export const growth: Part = async (stage) => {
  const hit = await stage.catalog.layer(HIT.mebibytes)
  const grown = [
    await grow(stage, hit, SUBJECT, TAGS),
    await grow(stage, hit, `with ${TAGS / TIMES} tags`, TAGS / TIMES),
  ]

  return async (round) => {
    // A larger one in each round, or it would not be cold.
    const cold = await stage.catalog.layer(COLD_MEBIBYTES + round.number)
    // Else the disk would still be writing it while the first of the two is measured.
    await run('sync', [])
    const cases = [...starting(), ...hits(stage, hit), ...theRest(stage, cold)]
    for (const one of round.inTurn(grown)) {
      for (const [what, take] of cases) {
        await round.measure(`${what}, ${TAGS} tags in the index`, one.name, () => take(one))
      }
    }
  }
}

async function grow(stage: Stage, hit: Blob, name: string, tags: number): Promise<Grown> {
  stage.say(`making an index of ${tags} tags`)
  const folder = await stage.use(Promise.resolve(new TempFolder('growth')))
  const dataFolder = folder.join('data')
  const { images } = makeBigIndex(dataFolder, { tags })
  const list = await heldList(stage, '', dataFolder)
  const { url } = stage.upstream
  // Fresh for the whole run: nobody is asked.
  const registries = { 'docker.io': url, 'ghcr.io': url, 'quay.io': url }
  // Else the scrub would look, for minutes, at the many blobs that only the index has.
  const args = ['--tag-ttl', '24h', '--scrub', 'off']
  const mirror = await stage.use(RegMirror.start({ registries, args, dataFolder }))
  await timedPull(urlOf(mirror, hit), hit.size)
  await mirror.stop()
  const served = images.filter(({ registry }) => Object.hasOwn(registries, registry))
  return { name, mirror, images: served, list }
}

function starting(): readonly Case[] {
  const start = async ({ mirror }: Grown): Promise<Sample> => {
    const taken: number[] = []
    for (let n = 0; n < STARTS; n += 1) {
      await mirror.stop()
      taken.push(await seconds(() => mirror.restart()))
    }
    return { start: medianOf(taken) * 1000 }
  }
  const idle = async ({ mirror }: Grown): Promise<Sample> => ({
    resident: await residentWhenQuiet(mirror.program.pid),
  })
  return [
    ['start to first answer', start],
    ['idle', idle],
  ]
}

function hits({ programs: { wrk } }: Stage, hit: Blob): readonly Case[] {
  // Nothing of it is in memory yet.
  const first = async ({ mirror, images }: Grown): Promise<Sample> => {
    const urls = manifestUrls(mirror, images)
    const getEach = async (): Promise<void> => {
      for (const url of urls) await getManifest(url)
    }
    return { total: await seconds(getEach) }
  }
  const hot =
    (by: 'tag' | 'digest') =>
    async ({ mirror, images: [image] }: Grown): Promise<Sample> => {
      if (image === undefined) throw new Error('the index has no image')
      const url = manifestUrl(mirror, image, image[by])
      const options = { accept: '*/*', connections: CONNECTIONS, seconds: LOAD_SECONDS, wrk }
      const { result, cpuSeconds } = await measureUsage(mirror.program.pid, () =>
        load([url], options),
      )
      const { perSecond, answers } = result
      return { answers: perSecond, cpuPerAnswer: (cpuSeconds * 1e6) / answers }
    }
  const blob = async ({ mirror }: Grown): Promise<Sample> => {
    const job = { url: urlOf(mirror, hit), connections: wholes(HIT.clients, hit.size) }
    const bytes = hit.size * HIT.clients
    const { result, cpuSeconds } = await measureUsage(mirror.program.pid, () => discard(job))
    return { rate: bytes / 1e6 / result, cpuPerGB: cpuSeconds / (bytes / 1e9) }
  }
  return [
    ['first manifest hits by tag and digest, one after another', first],
    ['manifest hits by tag', hot('tag')],
    ['manifest hits by digest', hot('digest')],
    [`hits of a ${HIT.mebibytes} MiB blob, ${HIT.clients} clients`, blob],
  ]
}

function theRest(stage: Stage, cold: Blob): readonly Case[] {
  const pull = async ({ mirror }: Grown): Promise<Sample> => {
    const { firstByteMs, totalSeconds } = await timedPull(urlOf(mirror, cold), cold.size)
    return { firstByte: firstByteMs, total: totalSeconds }
  }
  const command =
    (...args: readonly string[]) =>
    async ({ mirror }: Grown): Promise<Sample> => {
      const taken: number[] = []
      for (let n = 0; n < COMMANDS; n += 1) {
        taken.push(await commandSeconds(mirror.dataFolder, args))
      }
      return { total: medianOf(taken) }
    }
  const gc = async ({ mirror, images }: Grown): Promise<Sample> => {
    const hits = new HitsMeanwhile(manifestUrls(mirror, images))
    const total = await commandSeconds(mirror.dataFolder, ['gc', '--plan'])
    return { total, longestPause: await hits.stop() }
  }
  const warm = async ({ mirror, list }: Grown): Promise<Sample> => {
    await mirror.stop()
    return await warmAgain(list, stage)
  }
  return [
    [`cold pull, ${COLD_MEBIBYTES} MiB blob`, pull],
    [`ls ${PREFIX}`, command('ls', PREFIX)],
    ['stats', command('stats')],
    ['gc --plan, and the longest wait of a hit meanwhile', gc],
    ['warm of the same list', warm],
  ]
}

function urlOf(mirror: RegMirror, { repository, digest }: Blob): string {
  return mirror.blobUrl('docker.io', repository, digest)
}

function manifestUrls(mirror: RegMirror, images: readonly BigImage[]): readonly string[] {
  return images.flatMap((image) => [
    manifestUrl(mirror, image, image.tag),
    manifestUrl(mirror, image, image.digest),
  ])
}

function manifestUrl(mirror: RegMirror, { registry, name }: BigImage, reference: string): string {
  return mirror.manifestUrl(registry, name, reference)
}
