// Container images made from a seed, without any container tool: the same options give the same
// digests. The amd64 one carries busybox and says "hello from amd64" when run.
import { existsSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { bytesContent, readAll, seededContent, sha256 } from './content.ts'
import type { Content } from './content.ts'
import { tarArchive, tarFile, tarFolder, tarSymlink } from './tar.ts'

export type ImageForm = 'docker' | 'oci'
export type Architecture = 'amd64' | 'arm64'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

export interface Platform {
  readonly architecture: Architecture
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

export interface Image {
  readonly top: Descriptor
  readonly platforms: readonly Platform[]
  readonly manifests: ReadonlyMap<string, { readonly mediaType: string; readonly bytes: Buffer }>
  readonly blobs: ReadonlyMap<string, Content>
}

export interface ImageOptions {
  readonly seed: string
  readonly form: ImageForm
  readonly architectures?: readonly Architecture[] // one: no index, the manifest itself is the top
  readonly smallLayers?: number
  readonly bigLayers?: number
  readonly bigLayerMiB?: number
}

export const HELLO = 'hello from amd64'

export const MEDIA_TYPES = {
  docker: {
    index: 'application/vnd.docker.distribution.manifest.list.v2+json',
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    plainLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  },
  oci: {
    index: 'application/vnd.oci.image.index.v1+json',
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
    plainLayer: 'application/vnd.oci.image.layer.v1.tar',
  },
} as const

const BUSYBOX = '/bin/busybox'
const EPOCH = '1970-01-01T00:00:00Z'

interface Layer {
  readonly content: Content
  readonly mediaType: string
  readonly diffId: string
}

export function buildImage(options: ImageOptions): Image {
  const { form, architectures = ['amd64', 'arm64'] } = options
  const types = MEDIA_TYPES[form]
  const manifests = new Map<string, { mediaType: string; bytes: Buffer }>()
  const blobs = new Map<string, Content>()

  const addManifest = (mediaType: string, value: object): Descriptor => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...value }))
    const digest = sha256(bytes)
    manifests.set(digest, { mediaType, bytes })
    return { mediaType, digest, size: bytes.length }
  }
  const addBlob = (mediaType: string, content: Content): Descriptor => {
    blobs.set(content.digest, content)
    return { mediaType, digest: content.digest, size: content.size }
  }

  const platforms = architectures.map((architecture): Platform => {
    const made = layersOf(options, architecture)
    const layers = made.map((layer) => addBlob(layer.mediaType, layer.content))
    const config = addBlob(types.config, bytesContent(configOf(architecture, made)))
    const manifest = addManifest(types.manifest, { config, layers })
    return { architecture, manifest, config, layers }
  })
  const [only] = platforms
  if (only === undefined) throw new Error('an image needs an architecture')
  if (platforms.length === 1) return { top: only.manifest, platforms, manifests, blobs }
  const children = platforms.map(({ manifest, architecture }) => ({
    ...manifest,
    platform: { os: 'linux', ...cpu(architecture) },
  }))
  return { top: addManifest(types.index, { manifests: children }), platforms, manifests, blobs }
}

function layersOf(options: ImageOptions, architecture: Architecture): Layer[] {
  const { seed, form, smallLayers = 1, bigLayers = 0, bigLayerMiB = 0 } = options
  const layers = [rootLayer(form, architecture)]
  for (let n = 0; n < bigLayers; n += 1) {
    const random = seededContent(`${seed}/${architecture}/${n}`, bigLayerMiB * 2 ** 20)
    const content = tarArchive([tarFile(`random-${n}`, random)])
    const mediaType = MEDIA_TYPES[form].plainLayer
    layers.push({ content, mediaType, diffId: content.digest })
  }
  for (let n = 0; n < smallLayers; n += 1) {
    layers.push(gzipLayer(form, [tarFile(`stamp-${n}`, `${seed} ${architecture} ${n}\n`)]))
  }
  return layers
}

// The same in every image, so packed once.
const rootLayers = new Map<string, Layer>()

function rootLayer(form: ImageForm, architecture: Architecture): Layer {
  const key = `${form} ${architecture}`
  const layer = rootLayers.get(key) ?? gzipLayer(form, rootFiles(architecture))
  rootLayers.set(key, layer)
  return layer
}

function rootFiles(architecture: Architecture): Content[] {
  const files = [
    tarFolder('bin'),
    tarFolder('etc'),
    tarFolder('tmp', 0o1777),
    tarFile('etc/passwd', 'root:x:0:0:root:/:/bin/sh\n'),
    tarFile('etc/architecture', `${architecture}\n`),
  ]
  if (architecture === 'amd64' && existsSync(BUSYBOX)) {
    files.push(tarFile('bin/busybox', readFileSync(BUSYBOX), 0o755))
    for (const name of ['sh', 'cat', 'echo']) files.push(tarSymlink(`bin/${name}`, 'busybox'))
  }
  return files
}

function gzipLayer(form: ImageForm, entries: readonly Content[]): Layer {
  const tar = readAll(tarArchive(entries))
  const content = bytesContent(gzipSync(tar, { level: 6 }))
  return { content, mediaType: MEDIA_TYPES[form].layer, diffId: sha256(tar) }
}

function configOf(architecture: Architecture, layers: readonly Layer[]): Buffer {
  const config = {
    created: EPOCH,
    os: 'linux',
    ...cpu(architecture),
    config: {
      Env: ['PATH=/bin'],
      Cmd: ['/bin/sh', '-c', 'echo hello from $(cat /etc/architecture)'],
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: EPOCH, created_by: 'regmirror test' })),
  }
  return Buffer.from(JSON.stringify(config))
}

function cpu(architecture: Architecture): { architecture: string; variant?: string } {
  return architecture === 'arm64' ? { architecture, variant: 'v8' } : { architecture }
}
