// Referrers: the manifests that name another one as their subject (distribution-spec, "Listing Referrers").

import { digestAlgorithm, digestHex, parseDigest } from './digest.ts'
import type { Digest } from './digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from './media-type.ts'
import type { Tag } from './name.ts'

/** One entry of a list of referrers. What is written there beside these fields is kept. */
export interface ReferrerDescriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

/** A tag has room for 128 characters; sha512 alone would fill them. */
const TAG_HEX_LENGTH_MAX = 64

type Json = Record<string, unknown>

/** Where clients keep the list at a registry without a referrers API ("Referrers Tag Schema"). */
export function referrersTag(subject: Digest): Tag {
  return `${digestAlgorithm(subject)}-${digestHex(subject).slice(0, TAG_HEX_LENGTH_MAX)}` as Tag
}

/** The entries of an index; undefined for what is no JSON of one. Those without a usable digest are left out. */
export function parseReferrers(index: string): readonly ReferrerDescriptor[] | undefined {
  const json = parseObject(index)
  // Go writes an empty list as null.
  const manifests = json?.['manifests'] ?? (json && 'manifests' in json ? [] : undefined)
  return Array.isArray(manifests) ? manifests.filter(isReferrer) : undefined
}

/** The index that a registry answers with. */
export function referrersIndex(manifests: readonly ReferrerDescriptor[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests })
}

/** The entry that a registry would make of a manifest it holds. */
export function referrerOf(manifest: {
  readonly digest: Digest
  readonly mediaType: string
  readonly bytes: Uint8Array
}): ReferrerDescriptor {
  const { digest, mediaType, bytes } = manifest
  const json = parseObject(Buffer.from(bytes).toString()) ?? {}
  const artifactType =
    text(json['artifactType']) ??
    (mediaType === OCI_MANIFEST ? text(object(json['config'])?.['mediaType']) : undefined)
  const annotations = object(json['annotations']) as Record<string, string> | undefined
  return {
    mediaType,
    digest,
    size: bytes.byteLength,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
  }
}

function isReferrer(value: unknown): value is ReferrerDescriptor {
  const { mediaType, digest, size } = object(value) ?? {}
  return (
    typeof mediaType === 'string' &&
    typeof digest === 'string' &&
    parseDigest(digest) !== undefined &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0
  )
}

function parseObject(json: string): Json | undefined {
  try {
    return object(JSON.parse(json))
  } catch {
    return undefined
  }
}

function object(value: unknown): Json | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Json) : undefined
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
