// Manifests as the mirror sees them: opaque bytes, and the descriptors they name.

import { IntegrityError, RequestError } from '../errors.ts'
import { parseDigest } from './digest.ts'
import type { Digest } from './digest.ts'
import {
  bareMediaType,
  DOCKER_MANIFEST,
  isManifestType,
  isSchema1,
  OCI_ARTIFACT,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-type.ts'

/** The spec asks for at least 4 MiB; no client takes more than this one but crane. */
export const MANIFEST_BYTES_MAX = 8 * 1024 * 1024

const BUILDKIT_TYPE = 'vnd.docker.reference.type'
const BUILDKIT_SUBJECT = 'vnd.docker.reference.digest'

export interface Descriptor {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly mediaType: string
  /** `linux/arm64/v8`; undefined where the descriptor names none. */
  readonly platform: string | undefined
  /** Of an attestation that stands beside it in the same index, as BuildKit writes them: what it is about. */
  readonly attests?: Digest
}

export interface DescribedManifest {
  readonly mediaType: string
  /** The manifests an index lists. */
  readonly children: readonly Descriptor[]
  /** Config, layers, an artifact's blobs, and whatever an index lists that is no manifest. */
  readonly blobs: readonly Descriptor[]
  readonly subject: Digest | undefined
  readonly artifactType: string | undefined
}

type Json = Record<string, unknown>

/**
 * Reads what a manifest points to. Throws IntegrityError('manifest') for what is none, as HTML or an
 * error body, and RequestError for schema 1: no client takes it any more, and its digest is not that
 * of its bytes.
 */
export function describeManifest(
  bytes: Uint8Array,
  contentType: string | undefined,
): DescribedManifest {
  const json = parseObject(bytes)
  const mediaType = manifestMediaType(json, contentType)
  const layers = array(json['layers']) ?? array(json['blobs']) ?? []
  const listed = descriptors(array(json['manifests']) ?? [])
  const own = descriptors(json['config'] === undefined ? layers : [json['config'], ...layers])
  return {
    mediaType,
    children: listed.filter(isChild),
    blobs: [...listed.filter((each) => !isChild(each)), ...own],
    subject: descriptor(json['subject'])?.digest,
    artifactType: typeof json['artifactType'] === 'string' ? json['artifactType'] : undefined,
  }
}

/** BuildKit's cache is an index that lists layers, not manifests. */
function isChild({ mediaType }: Descriptor): boolean {
  return mediaType === '' || isManifestType(mediaType)
}

function parseObject(bytes: Uint8Array): Json {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
  } catch {
    throw new IntegrityError('manifest', 'upstream sent something that is not JSON as a manifest')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new IntegrityError('manifest', 'upstream sent JSON that is not an object as a manifest')
  }
  return json as Json
}

/**
 * image-spec manifest.md: a `mediaType` in the body must equal the header's. Registries that send
 * text/plain or application/json are known, so the body decides where the header names no manifest.
 */
function manifestMediaType(json: Json, contentType: string | undefined): string {
  const header = bareMediaType(contentType)
  const field = typeof json['mediaType'] === 'string' ? json['mediaType'] : undefined
  if (header && isManifestType(header) && field && isManifestType(field) && header !== field) {
    throw new IntegrityError('manifest', `upstream calls a manifest ${header} that says ${field}`)
  }
  if (json['schemaVersion'] === 1 || (header && isSchema1(header))) {
    throw new RequestError('MANIFEST_UNKNOWN', 'schema 1 image, not supported')
  }
  if (field && isManifestType(field)) return field
  if (header && isManifestType(header)) return header
  if (Array.isArray(json['manifests'])) return OCI_INDEX
  if (json['config'] !== undefined && Array.isArray(json['layers'])) {
    return header === DOCKER_MANIFEST ? DOCKER_MANIFEST : OCI_MANIFEST
  }
  if (Array.isArray(json['blobs'])) return OCI_ARTIFACT
  throw new IntegrityError('manifest', 'upstream sent JSON that is no manifest')
}

function array(value: unknown): unknown[] | undefined {
  return Array.isArray(value) ? value : undefined
}

function descriptors(values: readonly unknown[]): Descriptor[] {
  return values.flatMap((value) => descriptor(value) ?? [])
}

/** Undefined for a digest that cannot be verified: such content can never be served. */
function descriptor(value: unknown): Descriptor | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { digest, size, mediaType, platform, annotations } = value as Json
  const parsed = typeof digest === 'string' ? parseDigest(digest) : undefined
  if (!parsed || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    return undefined
  }
  const attests = attestedBy(annotations)
  return {
    digest: parsed,
    sizeBytes: size,
    mediaType: typeof mediaType === 'string' ? mediaType : '',
    platform: platformText(platform),
    ...(attests && { attests }),
  }
}

function attestedBy(annotations: unknown): Digest | undefined {
  if (typeof annotations !== 'object' || annotations === null) return undefined
  const { [BUILDKIT_TYPE]: type, [BUILDKIT_SUBJECT]: subject } = annotations as Json
  if (type !== 'attestation-manifest' || typeof subject !== 'string') return undefined
  return parseDigest(subject)
}

function platformText(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { os, architecture, variant } = value as Json
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return [os, architecture, ...(typeof variant === 'string' && variant ? [variant] : [])].join('/')
}
