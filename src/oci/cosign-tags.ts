// Where cosign keeps what it says of a manifest at registries of any age: tags named after the digest.

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

/** None for a digest that has no room in a tag, as sha512. */
export function cosignTags(subject: Digest): readonly CosignTag[] {
  return KINDS.flatMap((kind) => {
    const tag = parseTag(`${digestAlgorithm(subject)}-${digestHex(subject)}.${kind}`)
    const artifactType = `application/vnd.dev.cosign.artifact.${kind}.v1+json`
    return tag === undefined ? [] : { tag, artifactType }
  })
}
