// Manifests that are no container images: whatever JSON a test wants, with the blobs that belong to it.
import { createHash } from 'node:crypto'
import { bytesContent } from './content.ts'
import type { Content } from './content.ts'
import { MEDIA_TYPES } from './images.ts'
import type { Descriptor, Image } from './images.ts'

export type Algorithm = 'sha256' | 'sha512'

export interface ArtifactOptions {
  readonly mediaType?: string // default: an OCI image manifest
  readonly algorithm?: Algorithm // of the manifest's own digest
  readonly contents?: readonly Content[]
}

export const EMPTY_CONFIG: Descriptor = {
  mediaType: 'application/vnd.oci.empty.v1+json',
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
}

export function hashed(bytes: Buffer, algorithm: Algorithm): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

// The same bytes under the digest of another algorithm.
export function contentOf(bytes: Buffer, algorithm: Algorithm = 'sha256'): Content {
  const { size, chunks } = bytesContent(bytes)
  return { size, chunks, digest: hashed(bytes, algorithm) }
}

export function described(mediaType: string, { digest, size }: Content): Descriptor {
  return { mediaType, digest, size }
}

export function artifact(json: object, options: ArtifactOptions = {}): Image {
  const { mediaType = MEDIA_TYPES.oci.manifest, algorithm = 'sha256', contents = [] } = options
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }))
  const top = { mediaType, digest: hashed(bytes, algorithm), size: bytes.length }
  const manifests = new Map([[top.digest, { mediaType, bytes }]])
  const blobs = new Map(contents.map((content) => [content.digest, content]))
  return { top, platforms: [], manifests, blobs }
}

// A signature, SBOM or attestation as tools push them: a manifest that names what it is about.
export function referrer(
  subject: Descriptor,
  artifactType: string,
  annotations: Readonly<Record<string, string>> = {},
): { readonly image: Image; readonly descriptor: Descriptor } {
  const layer = contentOf(Buffer.from(`${artifactType} of ${subject.digest}`))
  const layers = [described(`${artifactType}+layer`, layer)]
  const config = EMPTY_CONFIG
  const json = { artifactType, config, layers, subject, annotations }
  const image = artifact(json, { contents: [layer, contentOf(Buffer.from('{}'))] })
  return { image, descriptor: { ...image.top, artifactType, annotations } as Descriptor }
}

export function indexOf(manifests: readonly Descriptor[], more: object = {}): Image {
  return artifact({ manifests, ...more }, { mediaType: MEDIA_TYPES.oci.index })
}
