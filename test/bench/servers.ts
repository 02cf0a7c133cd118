// The servers that are compared, behind one shape: regmirror, docker-registry in proxy mode (the
// peer that people run), nginx (the limit), and the upstream asked directly.
import { RegMirror } from '../support/binary.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import type { Blob, SmallImage } from './catalog.ts'
import { Nginx } from './nginx.ts'

export const SERVER_NAMES = ['regmirror', 'docker-registry', 'nginx', 'direct'] as const
export type ServerName = (typeof SERVER_NAMES)[number]

export interface Server extends AsyncDisposable {
  readonly name: ServerName
  readonly url: string
  readonly pid: number
}

export async function startMirror(upstream: string): Promise<Server> {
  // Fresh for the whole run: what an expired tag costs is upstream's time, not the mirror's.
  const args = ['--tag-ttl', '24h']
  const mirror = await RegMirror.start({ registries: { 'docker.io': upstream }, args })
  return served('regmirror', mirror, mirror.program.pid)
}

export async function startPeer(upstream: string): Promise<Server> {
  const peer = await DockerRegistry.start({ proxyOf: upstream })
  return served('docker-registry', peer, peer.program.pid)
}

export async function startNginx(folder: string, images: readonly SmallImage[]): Promise<Server> {
  const nginx = await Nginx.start(folder, images)
  return served('nginx', nginx, nginx.program.pid)
}

// Behind a link, `url` is the link's.
export function direct(url: string, upstream: DockerRegistry): Server {
  const { pid } = upstream.program
  return { name: 'direct', url, pid, [Symbol.asyncDispose]: async () => {} }
}

export function blobUrl({ url }: Server, { repository, digest }: Blob): string {
  return `${url}/v2/${repository}/blobs/${digest}`
}

export function manifestUrl({ url }: Server, repository: string, reference: string): string {
  return `${url}/v2/${repository}/manifests/${reference}`
}

type Running = AsyncDisposable & { readonly url: string }

function served(name: ServerName, running: Running, pid: number): Server {
  return {
    name,
    url: running.url,
    pid,
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  }
}
