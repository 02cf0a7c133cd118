// Tags named after a digest: where cosign keeps what it says of a manifest at registries of any age.

import { digestAlgorithm, digestHex } from './digest.ts'
import type { Digest } from './digest.ts'
import { parseTag } from './name.ts'
import type { Tag } from './name.ts'

const KINDS = ['sig', 'att', 'sbom'] as const

export interface CosignTag {
  readonly tag: Tag
  /** As which cosign lists the same where it uses the referrers API. */
  readonly artifactType: string
}

const OF_DIGEST = new RegExp(`^sha(?:256|512)-[0-9a-f]{64}(?:\\.(?:${KINDS.join('|')}))?$`)

/** Also the one that stands in for the referrers API: what clients get of these is no use of an image. */
export function isNamedAfterDigest(tag: Tag): boolean {
  return OF_DIGEST.test(tag)
}

/** None for a digest that has no room in a tag, as sha512. */
export function cosignTags(subject: Digest): readonly CosignTag[] {
  return KINDS.flatMap((kind) => {
    const tag = parseTag(`${digestAlgorithm(subject)}-${digestHex(subject)}.${kind}`)
    const artifactType = `application/vnd.dev.cosign.artifact.${kind}.v1+json`
    return tag === undefined ? [] : { tag, artifactType }
  })
}
