// Manifests by digest: from the index where they may be read in the repository, else from upstream,
// verified and stored before anybody gets them.

import { IntegrityError, UpstreamError, digestMismatch } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { digestAlgorithm, digestOf } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import { describeManifest } from '../oci/manifest.ts'
import { imageName } from '../oci/name.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import type { HeldManifest, Index } from '../store/index-port.ts'
import type { Asking, Provenance, Upstreams } from '../upstream/upstream.ts'
import type { MirrorEvents } from './events.ts'
import { Misses } from './misses.ts'
import { openedBy } from './opening.ts'
import { isHeadOf } from './probe.ts'
import type { SharedContent } from './shared-content.ts'
import type { Uses } from './uses.ts'

/** A push may be going on: what is missing now may be there soon. */
const MISSING_MANIFEST_MS = 10_000

export interface FoundManifest {
  readonly manifest: HeldManifest
  /** Whether upstream was asked for the bytes. */
  readonly how: 'hit' | 'miss'
}

/** `isFetched`: by a GET, which may count as a pull. */
interface Found {
  readonly manifest: HeldManifest
  readonly isFetched: boolean
}

type FetchedHere = HeldManifest & Provenance

/** What a tag turned out to point to. */
export interface FetchedTag extends Provenance {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
}

export interface ManifestsOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly events: MirrorEvents
  readonly uses: Uses
  readonly shared: SharedContent
  readonly offline: boolean
  readonly now: () => number
}

export class Manifests {
  readonly #options: ManifestsOptions
  readonly #finding = new SingleFlight<Found | undefined>()
  readonly #fetchingTags = new SingleFlight<FetchedHere | undefined>()
  readonly #missing: Misses

  constructor(options: ManifestsOptions) {
    this.#options = options
    this.#missing = new Misses(MISSING_MANIFEST_MS, options.now)
  }

  /**
   * Undefined when upstream has no such manifest in this repository. Throws UpstreamError and
   * IntegrityError where it cannot be had.
   */
  async find(repository: Repository, digest: Digest): Promise<FoundManifest | undefined> {
    const found = await this.bring(repository, digest)
    if (found) this.#options.uses.note(digest)
    return found
  }

  /** The same for whoever will not use it yet. `isFetched`: by a GET, which may count as a pull. */
  async bring(
    repository: Repository,
    digest: Digest,
  ): Promise<(FoundManifest & Found) | undefined> {
    const { index, offline } = this.#options
    const known = await this.held(repository, digest)
    if (known) return { ...known, isFetched: false }
    const key = imageName(repository, { digest })
    if (offline || this.#missing.has(key)) return undefined
    const found = await this.#finding.run(key, async () => {
      // Whoever asked just before may have brought it since this one looked.
      const since = await this.held(repository, digest)
      if (since) return { ...since, isFetched: false }
      const held = await index.findManifest(digest)
      return await (held ? this.#confirm(repository, held) : this.#bring(repository, digest))
    })
    if (!found) this.#missing.add(key)
    return found && { ...found, how: 'miss' }
  }

  async #bring(
    repository: Repository,
    digest: Digest,
    asking?: Asking,
  ): Promise<Found | undefined> {
    const manifest = await this.#fetch(repository, { digest }, asking)
    return manifest && { manifest, isFetched: true }
  }

  /** What is held and may be read in the repository; asks nobody. */
  async held(repository: Repository, digest: Digest): Promise<FoundManifest | undefined> {
    const { index, shared } = this.#options
    const [manifest, content] = await Promise.all([
      index.findManifest(digest),
      index.findContent(repository, digest),
    ])
    if (!manifest || content?.kind !== 'manifest') return undefined
    return (await shared.mayServe(digest, content)) ? { manifest, how: 'hit' } : undefined
  }

  /** For registries whose HEAD names no digest. */
  async fetchTag(
    repository: Repository,
    tag: Tag,
    asking: Asking,
  ): Promise<FetchedTag | undefined> {
    const key = `${imageName(repository, { tag })} ${asking.originOnly ? 'origin' : 'any'}`
    const manifest = await this.#fetchingTags.run(key, () =>
      this.#fetch(repository, { tag }, asking),
    )
    if (!manifest) return undefined
    const { bytes, ...told } = manifest
    return { ...told, sizeBytes: bytes.byteLength }
  }

  /** Held for other repositories: a HEAD tells whether this one contains it too. */
  async #confirm(repository: Repository, held: HeldManifest): Promise<Found | undefined> {
    const { upstreams, index, shared } = this.#options
    const { digest } = held
    const upstream = upstreams.registry(repository.registry)
    return await shared.confirm(repository, async (asking) => {
      const head = await upstream.headManifest(repository.name, { digest }, asking)
      if (!head) return undefined
      // A proxy's page is an answer too; bytes that verify are none of those.
      if (!isHeadOf(head, digest)) return await this.#bring(repository, digest, asking)
      const opens = openedBy('manifest', head, upstream.hasLogin)
      const described = describeManifest(held.bytes, held.mediaType)
      await index.recordManifest(repository, { ...held, ...described, opens })
      return { manifest: held, isFetched: false }
    })
  }

  async #fetch(
    repository: Repository,
    reference: Reference,
    asking: Asking = {},
  ): Promise<FetchedHere | undefined> {
    const { upstreams, index } = this.#options
    const upstream = upstreams.registry(repository.registry)
    const fetched = await upstream.getManifest(repository.name, reference, asking)
    if (!fetched) return undefined
    const { bytes, contentType, isAnonymous, isOrigin } = fetched
    const described = describeOrRefuse(bytes, contentType)
    const digest = 'digest' in reference ? reference.digest : digestOf(bytes)
    const found = digestOf(bytes, digestAlgorithm(digest))
    if (found !== digest) throw digestMismatch(digest, found)
    const opens = openedBy('manifest', fetched, upstream.hasLogin)
    await index.recordManifest(repository, { digest, bytes, ...described, opens })
    return { digest, bytes, mediaType: described.mediaType, isAnonymous, isOrigin }
  }
}

/** What is no manifest is upstream's failure, not ours: a captive portal, a proxy's error page. */
function describeOrRefuse(
  bytes: Buffer,
  contentType: string | undefined,
): ReturnType<typeof describeManifest> {
  try {
    return describeManifest(bytes, contentType)
  } catch (error) {
    if (error instanceof IntegrityError) {
      throw new UpstreamError('bad-response', error.message, { cause: error })
    }
    throw error
  }
}
