// The servers that are compared, behind one shape: regmirror, docker-registry in proxy mode (the
// peer that people run), nginx (the limit), and the upstream asked directly.
import type { Digest } from '../../src/oci/digest.ts'
import { blobPath, layoutOf } from '../../src/store/layout.ts'
import { RegMirror } from '../support/binary.ts'
import type { Certificate } from '../support/certificates.ts'
import { DockerRegistry } from '../support/docker-registry.ts'
import { programOn } from '../support/runtimes.ts'
import type { Runtime } from '../support/runtimes.ts'
import type { Blob, SmallImage } from './catalog.ts'
import { Nginx } from './nginx.ts'
import { registryBlobFile } from './registry-files.ts'

export type MirrorName = 'regmirror' | `regmirror on ${Runtime}`
export type ServerName = MirrorName | 'docker-registry' | 'nginx' | 'direct'

export interface Server extends AsyncDisposable {
  readonly name: ServerName
  readonly url: string
  readonly pid: number
  blobFile(digest: string): string // where it keeps a blob, once it has it
}

export interface ServerOptions {
  readonly certificate?: Certificate // it speaks TLS then
  readonly args?: readonly string[] // for the mirror only
  readonly runtime?: Runtime // runs the mirror from source; default: the packaged one
}

export async function startMirror(
  upstream: string,
  { certificate, args = [], runtime }: ServerOptions = {},
): Promise<Server> {
  const tls = certificate && [
    ...['--tls-cert', certificate.certificateFile],
    ...['--tls-key', certificate.keyFile],
  ]
  // Fresh for the whole run: what an expired tag costs is upstream's time, not the mirror's.
  const all = ['--tag-ttl', '24h', ...(tls ?? []), ...args]
  const mirror = await RegMirror.start({
    registries: { 'docker.io': upstream },
    args: all,
    ...(runtime && { program: programOn(runtime) }),
  })
  const layout = layoutOf(mirror.dataFolder)
  return {
    name: mirrorName(runtime),
    url: tls ? mirror.url.replace('http:', 'https:') : mirror.url,
    pid: mirror.program.pid,
    blobFile: (digest) => blobPath(layout, digest as Digest),
    [Symbol.asyncDispose]: () => mirror.close(),
  }
}

export function mirrorName(runtime: Runtime | undefined): MirrorName {
  return runtime === undefined ? 'regmirror' : `regmirror on ${runtime}`
}

export async function startPeer(
  upstream: string,
  { certificate }: ServerOptions = {},
): Promise<Server> {
  const tls = certificate && { tls: { certificate } }
  const peer = await DockerRegistry.start({ proxyOf: upstream, ...tls })
  return {
    name: 'docker-registry',
    url: peer.url,
    pid: peer.program.pid,
    blobFile: (digest) => registryBlobFile(peer.folder, digest),
    [Symbol.asyncDispose]: () => peer.close(),
  }
}

export async function startNginx(
  folder: string,
  images: readonly SmallImage[],
  { certificate }: ServerOptions = {},
): Promise<Server> {
  const nginx = await Nginx.serving(folder, images, certificate)
  return nginxServer(nginx, (digest) => registryBlobFile(folder, digest))
}

export async function startNginxCache(upstream: string): Promise<Server> {
  return nginxServer(await Nginx.caching(upstream), () => {
    throw new Error('nginx names its files by the keys of its cache')
  })
}

// Behind a link, `url` is the link's.
export function direct(url: string, upstream: DockerRegistry): Server {
  return {
    name: 'direct',
    url,
    pid: upstream.program.pid,
    blobFile: (digest) => registryBlobFile(upstream.folder, digest),
    [Symbol.asyncDispose]: async () => {},
  }
}

export function blobUrl({ url }: Server, { repository, digest }: Blob): string {
  return `${url}/v2/${repository}/blobs/${digest}`
}

export function manifestUrl({ url }: Server, repository: string, reference: string): string {
  return `${url}/v2/${repository}/manifests/${reference}`
}

function nginxServer(nginx: Nginx, blobFile: Server['blobFile']): Server {
  return {
    name: 'nginx',
    url: nginx.url,
    pid: nginx.program.pid,
    blobFile,
    [Symbol.asyncDispose]: () => nginx.close(),
  }
}
