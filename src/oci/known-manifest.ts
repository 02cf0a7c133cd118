// A manifest that is recognised by its bytes alone.

import { IntegrityError, RequestError } from '../errors.ts'
import { digestAlgorithm, digestOf } from './digest.ts'
import type { Digest } from './digest.ts'
import { describeManifest } from './manifest.ts'
import type { DescribedManifest } from './manifest.ts'

export interface KnownManifest extends DescribedManifest {
  readonly digest: Digest
  readonly bytes: Uint8Array
}

/** Undefined where the bytes have another digest, or are no manifest. */
export function knownManifest(
  digest: Digest,
  bytes: Uint8Array,
  mediaType?: string,
): KnownManifest | undefined {
  if (digestOf(bytes, digestAlgorithm(digest)) !== digest) return undefined
  try {
    return { digest, bytes, ...describeManifest(bytes, mediaType) }
  } catch (error) {
    if (error instanceof IntegrityError || error instanceof RequestError) return undefined
    throw error
  }
}
