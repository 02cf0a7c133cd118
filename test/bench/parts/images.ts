// A whole image pulled by real clients, each with an empty store of its own: through a mirror that has
// nothing, through the same one again, and directly. Here the client is part of what is measured: it is
// what a person waits for, and it hashes, unpacks and writes far longer than a good mirror works.
import { Containerd } from '../../support/containerd.ts'
import type { ImageClient, MirrorTarget } from '../../support/client-tools.ts'
import { Podman } from '../../support/podman.ts'
import { Skopeo } from '../../support/skopeo.ts'
import type { WholeImage } from '../catalog.ts'
import type { Sample } from '../metrics.ts'
import type { Part, Round } from '../part.ts'
import { direct, startMirror, startPeer } from '../servers.ts'
import type { Server } from '../servers.ts'
import { measureUsage } from '../usage.ts'

interface Client {
  readonly name: string
  readonly missing: string | undefined
  readonly start: (mirror: MirrorTarget) => Promise<ImageClient>
}

const CLIENTS: readonly Client[] = [
  { name: 'skopeo', missing: Skopeo.unavailable(), start: (mirror) => Skopeo.start(mirror) },
  { name: 'podman', missing: Podman.unavailable(), start: (mirror) => Podman.start(mirror) },
  {
    name: 'containerd',
    missing: Containerd.unavailable(),
    start: (mirror) => Containerd.start(mirror),
  },
]

export const images: Part = async (stage) => {
  const image = await stage.catalog.whole()
  const what = `${image.blobs} blobs, ${(image.size / 1e6).toFixed(0)} MB`
  for (const { name, missing } of CLIENTS) {
    if (missing !== undefined) stage.say(`images by ${name} are left out: ${missing}`)
  }
  const clients = CLIENTS.filter(({ missing }) => missing === undefined)
  const servers = [
    { name: 'regmirror', start: startMirror },
    { name: 'docker-registry', start: startPeer },
    { name: 'direct', start: async (url: string) => direct(url, stage.upstream) },
  ] as const

  return async (round) => {
    for (const client of clients) {
      for (const { name, start } of round.inTurn(servers)) {
        await using server = await start(stage.upstream.url) // with an empty folder
        await pullTwice(round, server, name, client, image, what)
      }
    }
  }
}

async function pullTwice(
  round: Round,
  server: Server,
  name: string,
  client: Client,
  image: WholeImage,
  what: string,
): Promise<void> {
  for (const state of ['cold', 'held']) {
    await round.measure(`image by ${client.name}, ${state}, ${what}`, name, () =>
      pull(server, client, image),
    )
  }
}

async function pull(server: Server, { start }: Client, image: WholeImage): Promise<Sample> {
  // regmirror too takes the name without its registry: Docker Hub is the one that needs no prefix.
  await using client = await start({ url: server.url, prefix: () => '' })
  const { result: total, cpuSeconds } = await measureUsage(server.pid, async () => {
    const started = performance.now()
    const digest = await client.pull(image.reference)
    if (digest !== image.digest) throw new Error(`${image.reference}: got ${digest}`)
    return (performance.now() - started) / 1000
  })
  if (server.name === 'direct') return { total } // the upstream's own cost is of no interest here
  return { total, cpuPerGB: cpuSeconds / (image.size / 1e9) }
}
