// Which of all that refers to an image a line wants, as pure functions.

import { cosignTags } from '../oci/cosign-tags.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/name.ts'
import type { ReferrerDescriptor } from '../oci/referrers.ts'
import type { Image } from './image.ts'
import type { Referring } from './wanted.ts'

/** As which BuildKit lists an attestation, and what is in it. */
const ATTESTATION_TYPES = [
  'application/vnd.docker.attestation.manifest.v1+json',
  'application/vnd.in-toto+json',
]

/** An SBOM of an image, and the signature of that SBOM. */
const REFERRERS_DEPTH_MAX = 2
/** A signature, an attestation, an SBOM: more seldom refers to one manifest. */
const USUAL_COUNT = 3

/** Of those that its own index lists. */
export function wantsAttestations(referring: Referring): boolean {
  return ATTESTATION_TYPES.some((type) => isWantedType(referring, type))
}

export function isWantedReferrer(
  referring: Referring,
  { artifactType }: ReferrerDescriptor,
): boolean {
  return isWantedType(referring, artifactType)
}

export function wantedCosignTags(referring: Referring, subject: Digest): readonly Tag[] {
  return cosignTags(subject)
    .filter(({ artifactType }) => isWantedType(referring, artifactType))
    .map(({ tag }) => tag)
}

/** Whether it is asked what refers to it. */
export function isReferredTo(image: Image): boolean {
  const { wanted, attachedTo } = image
  if (wanted.referrers === 'no') return false
  // What cosign keeps by tag it does not sign in turn.
  return !attachedTo || ('digest' in wanted.reference && depthOf(image) < REFERRERS_DEPTH_MAX)
}

/** The tag that stands in for the API at a registry without one: its manifest alone, and no children. */
export function isList({ wanted }: Image): boolean {
  return wanted.platforms.length === 0
}

/**
 * GETs that are planned for what refers to an image before anybody knows what does. `ownPulls`: for its
 * own manifests.
 */
export function pullsForReferring(image: Image, ownPulls: number): number {
  const { holding, isFollowed } = image
  if (isFollowed || !(isReferredTo(image) || isList(image))) return 0
  const each = usualCount(image)
  if (isList(image)) return each
  const subjects = (holding?.subjects.length ?? 0) + ownPulls
  // The list itself, where a tag stands in for the API.
  return subjects * (1 + each)
}

function usualCount({ wanted, attachedTo }: Image): number {
  // An SBOM is signed at most.
  if (attachedTo && 'digest' in wanted.reference) return 1
  return wanted.referrers === 'yes' ? USUAL_COUNT : wanted.referrers.length
}

function isWantedType(referring: Referring, artifactType: string | undefined): boolean {
  if (typeof referring === 'string') return referring === 'yes'
  return artifactType !== undefined && referring.includes(artifactType)
}

function depthOf({ attachedTo }: Image): number {
  return attachedTo ? 1 + depthOf(attachedTo) : 0
}
