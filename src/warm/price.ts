// What a run will cost at most: manifest GETs, which are what registries count as pulls. Pure.

import type { WarmPrice, WarmResult } from '../care/warm-job.ts'
import { repositoryKey } from '../oci/name.ts'
import type { MissingManifest } from './holding.ts'
import type { Image } from './image.ts'
import type { Plan } from './plan.ts'
import { isMany, unitePlatforms } from './platforms.ts'
import { pullsForReferring, wantsAttestations } from './referring.ts'
import type { RegistryStates } from './registry-state.ts'

/** `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:...","size":100},` */
const SMALLEST_DESCRIPTOR_BYTES = 150
/** Of an index whose size upstream's HEAD leaves out. */
const CHILDREN_OF_UNKNOWN_SIZE = 100

export interface Unfetched {
  readonly manifest: Omit<MissingManifest, 'digest'>
  readonly platforms: readonly string[]
  /** Also those that an index lists for each platform. */
  readonly withAttestations?: boolean
}

/** From here on each registry knows what is planned for it. */
export function priceOf(
  { images, unmet }: Plan,
  registries: RegistryStates,
): Omit<WarmPrice, 'pinnableBytes' | 'pinnedBytes'> {
  const counted = images.filter(({ passedOver }) => passedOver === undefined)
  const stale = images.filter(({ status }) => status === 'stale')
  // What could not be looked at yet may be fetched later.
  const priced = images.filter(({ status, isDeferred }) => status === 'stale' || isDeferred)
  for (const image of priced) {
    image.plannedPulls = pullsOfImage(image)
    image.attachedPulls = pullsForReferring(image, image.plannedPulls)
    // Nothing was asked yet of one that only digests are wanted of.
    registries.of(image.registry)
  }
  const pulls = plannedPulls(priced)
  for (const registry of registries.all) registry.planned(pulls.get(registry.name) ?? 0)
  const count = (all: readonly Pick<Image, 'status'>[], status: WarmResult['status']): number =>
    all.filter((each) => each.status === status).length
  return {
    references: counted.length + unmet.length,
    fresh: count(images, 'fresh'),
    stale: stale.length,
    failed: count(images, 'failed') + count(unmet, 'failed'),
    registries: registries.all.map((registry) => registry.report()),
    ...knownBytes(stale),
  }
}

/** Of a manifest that is not held, with what it may list. */
export function pullsOf({ manifest, platforms, withAttestations = false }: Unfetched): number {
  if (!manifest.isIndex) return 1
  if (!platforms.some(isMany)) return 1 + platforms.length * (withAttestations ? 2 : 1)
  const { sizeBytes } = manifest
  if (sizeBytes === undefined) return 1 + CHILDREN_OF_UNKNOWN_SIZE
  return 1 + Math.ceil(sizeBytes / SMALLEST_DESCRIPTOR_BYTES)
}

/** GETs of manifests that will be sent at most, for each registry. Each manifest once in a repository. */
function plannedPulls(images: readonly Image[]): ReadonlyMap<string, number> {
  const unfetched = new Map<string, Unfetched & { readonly registry: string }>()
  for (const image of images) {
    for (const { key, manifest } of unfetchedOf(image)) {
      const known = unfetched.get(key)
      const { platforms: own } = image.wanted
      const platforms = known ? unitePlatforms(known.platforms, own) : own
      const withAttestations = known?.withAttestations || wantsAttestations(image.wanted.referrers)
      unfetched.set(key, { manifest, platforms, withAttestations, registry: image.registry })
    }
  }
  const pulls = new Map<string, number>()
  const add = (registry: string, count: number): void =>
    void pulls.set(registry, (pulls.get(registry) ?? 0) + count)
  for (const each of unfetched.values()) add(each.registry, pullsOf(each))
  for (const { registry, attachedPulls = 0 } of images) add(registry, attachedPulls)
  return pulls
}

/** Of its own manifests. */
export function pullsOfImage(image: Image): number {
  const { platforms, referrers } = image.wanted
  const withAttestations = wantsAttestations(referrers)
  const each = unfetchedOf(image).map(({ manifest }) =>
    pullsOf({ manifest, platforms, withAttestations }),
  )
  return each.reduce((sum, pulls) => sum + pulls, 0)
}

function unfetchedOf({ wanted, holding, sizeBytes }: Image): {
  readonly key: string
  readonly manifest: Unfetched['manifest']
}[] {
  // Only its GET tells what the tag is.
  if (!holding) return [{ key: wanted.name, manifest: { isIndex: true, sizeBytes } }]
  return holding.missingManifests.map((manifest) => ({
    key: `${repositoryKey(wanted.repository)}@${manifest.digest}`,
    manifest,
  }))
}

/** Of images whose manifests are held, each blob once. */
function knownBytes(images: readonly Image[]): Pick<WarmPrice, 'knownBytes' | 'unknownSizes'> {
  const sizes = new Map<string, number>()
  let unknownSizes = 0
  for (const { holding } of images) {
    if (!holding || holding.missingManifests.length > 0) unknownSizes += 1
    for (const { digest, sizeBytes } of holding?.missingBlobs ?? []) sizes.set(digest, sizeBytes)
  }
  const sum = [...sizes.values()].reduce((total, sizeBytes) => total + sizeBytes, 0)
  return { knownBytes: sum, unknownSizes }
}
