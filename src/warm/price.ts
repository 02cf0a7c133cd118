// What a run will cost at most: manifest GETs, which are what registries count as pulls. Pure.

import type { WarmPrice, WarmResult } from '../care/warm-job.ts'
import { repositoryKey } from '../oci/name.ts'
import type { MissingManifest } from './holding.ts'
import type { Image } from './image.ts'
import type { Plan } from './plan.ts'
import { isMany, unitePlatforms } from './platforms.ts'
import type { RegistryStates } from './registry-state.ts'

/** `{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:...","size":100},` */
const SMALLEST_DESCRIPTOR_BYTES = 150
/** Of an index whose size upstream's HEAD leaves out. */
const CHILDREN_OF_UNKNOWN_SIZE = 100

export interface Unfetched {
  readonly manifest: Omit<MissingManifest, 'digest'>
  readonly platforms: readonly string[]
}

/** From here on each registry knows what is planned for it. */
export function priceOf({ images, unmet }: Plan, registries: RegistryStates): WarmPrice {
  const stale = images.filter(({ status }) => status === 'stale')
  // What could not be looked at yet may be fetched later.
  const priced = images.filter(({ status, isDeferred }) => status === 'stale' || isDeferred)
  for (const image of priced) {
    image.plannedPulls = pullsOfImage(image)
    // Nothing was asked yet of one that only digests are wanted of.
    registries.of(image.registry)
  }
  const pulls = plannedPulls(priced)
  for (const registry of registries.all) registry.planned(pulls.get(registry.name) ?? 0)
  const count = (all: readonly Pick<Image, 'status'>[], status: WarmResult['status']): number =>
    all.filter((each) => each.status === status).length
  return {
    references: images.length + unmet.length,
    fresh: count(images, 'fresh'),
    stale: stale.length,
    failed: count(images, 'failed') + count(unmet, 'failed'),
    registries: registries.all.map((registry) => registry.report()),
    ...knownBytes(stale),
  }
}

/** Of a manifest that is not held, with what it may list. */
export function pullsOf({ manifest, platforms }: Unfetched): number {
  if (!manifest.isIndex) return 1
  if (!platforms.some(isMany)) return 1 + platforms.length
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
      unfetched.set(key, { manifest, platforms, registry: image.registry })
    }
  }
  const pulls = new Map<string, number>()
  for (const each of unfetched.values()) {
    pulls.set(each.registry, (pulls.get(each.registry) ?? 0) + pullsOf(each))
  }
  return pulls
}

function pullsOfImage(image: Image): number {
  const { platforms } = image.wanted
  const each = unfetchedOf(image).map(({ manifest }) => pullsOf({ manifest, platforms }))
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
