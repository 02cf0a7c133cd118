// What is held of an image, and what its wanted platforms still lack; asks nobody.

import type { WarmMirror } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import { describeManifest } from '../oci/manifest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_ARTIFACT,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../oci/media-type.ts'
import type { Repository } from '../oci/name.ts'
import type { HeldManifest } from '../store/index-port.ts'
import { Lacking } from './causes.ts'
import { chooseChildren } from './platforms.ts'

/** An index within an index within an index: nobody is known to nest deeper. */
const INDEX_DEPTH_MAX = 4
/** Of one image. */
const MANIFESTS_MAX = 5000

/** A manifest that is wanted and not held, by what lists it. */
export interface MissingManifest {
  readonly digest: Digest
  readonly isIndex: boolean
  /** Of the index that it may be. */
  readonly sizeBytes: number | undefined
}

export interface Holding {
  readonly missingManifests: readonly MissingManifest[]
  /** The held manifests that others may refer to: no attestations, which tell of others themselves. */
  readonly subjects: readonly Digest[]
  /** Of those wanted, held or not. */
  readonly hasAttestations: boolean
  /** Of the held manifests that are wanted. */
  readonly blobs: readonly Descriptor[]
  readonly missingBlobs: readonly Descriptor[]
  /** All that the wanted platforms weigh, as far as it is known. */
  readonly totalBytes: number
  /** Those wanted that are whole. `''`: an image without an index. */
  readonly platforms: readonly string[]
  /** What its indexes list at all, wanted or not. */
  readonly named: readonly string[]
  /** Nothing that it lists is for a wanted platform. */
  readonly isForOthers: boolean
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST
}

/** What tells no type that is known for an image's own manifest may be an index. */
export function mayBeIndex(mediaType: string | undefined): boolean {
  return mediaType !== OCI_MANIFEST && mediaType !== DOCKER_MANIFEST && mediaType !== OCI_ARTIFACT
}

export function isWhole({ missingManifests, missingBlobs }: Holding): boolean {
  return missingManifests.length === 0 && missingBlobs.length === 0
}

/** `top`: held or not, it is looked for. `withAttestations`: those that its own index lists. */
export async function holdingOf(
  mirror: Pick<WarmMirror, 'heldManifest' | 'missingBlobs'>,
  repository: Repository,
  top: MissingManifest,
  platforms: readonly string[],
  withAttestations = false,
): Promise<Holding> {
  const walk = new Walk(mirror, repository, { platforms, withAttestations })
  await walk.visit(top, '', 0)
  return await walk.end()
}

function tooMuch(what: string): Lacking {
  return new Lacking('other', `it has ${what}, of which not all would be looked at`)
}

/** One manifest of the image, with what lies below it. */
interface Visited {
  readonly digest: Digest
  readonly blobs: readonly Descriptor[]
}

interface WantedOfIndex {
  readonly platforms: readonly string[]
  readonly withAttestations: boolean
}

class Walk {
  readonly #mirror: Pick<WarmMirror, 'heldManifest' | 'missingBlobs'>
  readonly #repository: Repository
  readonly #wanted: WantedOfIndex
  /** What each manifest that was seen stands for: one may be listed for several platforms. */
  readonly #seen = new Map<Digest, Set<string>>()
  readonly #missing: MissingManifest[] = []
  readonly #visited: Visited[] = []
  readonly #subjects: Digest[] = []
  readonly #attestations = new Set<Digest>()
  readonly #named = new Set<string>()
  #bytes = 0

  constructor(
    mirror: Pick<WarmMirror, 'heldManifest' | 'missingBlobs'>,
    repository: Repository,
    wanted: WantedOfIndex,
  ) {
    this.#mirror = mirror
    this.#repository = repository
    this.#wanted = wanted
  }

  async visit(manifest: MissingManifest, platform: string, depth: number): Promise<void> {
    const { digest } = manifest
    const seen = this.#seen.get(digest)
    if (seen) return void seen.add(platform)
    if (this.#seen.size >= MANIFESTS_MAX) throw tooMuch(`more than ${MANIFESTS_MAX} manifests`)
    this.#seen.set(digest, new Set([platform]))
    const held = await this.#mirror.heldManifest(this.#repository, digest)
    if (!held) {
      this.#missing.push(manifest)
      return
    }
    this.#bytes += held.bytes.length
    if (!this.#attestations.has(digest)) this.#subjects.push(digest)
    await this.#below(held, platform, depth)
  }

  async #below(held: HeldManifest, platform: string, depth: number): Promise<void> {
    const { children, blobs } = describeManifest(held.bytes, held.mediaType)
    const isIndex = isIndexType(held.mediaType)
    if (!isIndex || blobs.length > 0) this.#visited.push({ digest: held.digest, blobs })
    const { platforms, withAttestations } = this.#wanted
    const chosen = chooseChildren(children, platforms, withAttestations)
    if (depth >= INDEX_DEPTH_MAX && chosen.platforms.size > 0) {
      throw tooMuch(`indexes nested more than ${INDEX_DEPTH_MAX} deep`)
    }
    for (const name of chosen.named) this.#named.add(name)
    for (const [child, own] of chosen.platforms) {
      const { digest, mediaType, sizeBytes, attests } = child
      if (attests) this.#attestations.add(digest)
      const isNested = mayBeIndex(mediaType)
      await this.visit({ digest, isIndex: isNested, sizeBytes }, own || platform, depth + 1)
    }
  }

  #platformsOf(digest: Digest): readonly string[] {
    return [...(this.#seen.get(digest) ?? [])]
  }

  async end(): Promise<Holding> {
    const byDigest = new Map<Digest, Descriptor>()
    for (const { blobs } of this.#visited) {
      for (const blob of blobs) byDigest.set(blob.digest, blob)
    }
    const blobs = [...byDigest.values()]
    const missingBlobs = await this.#mirror.missingBlobs(this.#repository, blobs)
    const missing = new Set(missingBlobs.map(({ digest }) => digest))
    const broken = new Set(this.#missing.flatMap(({ digest }) => this.#platformsOf(digest)))
    for (const { digest, blobs: own } of this.#visited) {
      if (!own.some((each) => missing.has(each.digest))) continue
      for (const platform of this.#platformsOf(digest)) broken.add(platform)
    }
    const platforms = new Set(this.#visited.flatMap(({ digest }) => this.#platformsOf(digest)))
    const named = this.#named.size
    return {
      missingManifests: this.#missing,
      subjects: this.#subjects,
      hasAttestations: this.#attestations.size > 0,
      blobs,
      missingBlobs,
      totalBytes: blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, this.#bytes),
      platforms: [...platforms].filter((each) => !broken.has(each)),
      named: [...this.#named],
      isForOthers: named > 0 && this.#visited.length === 0 && this.#missing.length === 0,
    }
  }
}
