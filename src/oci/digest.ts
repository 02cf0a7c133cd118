// Digests: the names of content. A path, a row or a URL is only ever made from a parsed one.

import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'

declare const brand: unique symbol

/** A digest of a registered algorithm with well-formed lower-case hex, as `sha256:<64 hex>`. */
export type Digest = string & { readonly [brand]: 'Digest' }

export type DigestAlgorithm = 'sha256' | 'sha512'

/** OCI image-spec, descriptor.md "Registered algorithms": the hex length is fixed by the algorithm. */
const HEX_LENGTH: Record<DigestAlgorithm, number> = { sha256: 64, sha512: 128 }

const WELL_FORMED = /^(sha256|sha512):([0-9a-f]+)$/

/** Undefined for anything that cannot be verified: other algorithms, wrong lengths, upper case. */
export function parseDigest(text: string): Digest | undefined {
  const match = WELL_FORMED.exec(text)
  if (!match) return undefined
  const [, algorithm, hex] = match
  return hex?.length === HEX_LENGTH[algorithm as DigestAlgorithm] ? (text as Digest) : undefined
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm
}

export function digestHex(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return finishDigest(algorithm, createHash(algorithm).update(bytes))
}

export function finishDigest(algorithm: DigestAlgorithm, hash: Hash): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest
}
