// Manifests by digest: from the index where the repository is known to contain them, else from
// upstream, verified and stored before anybody gets them.

import { IntegrityError, StoreError, UpstreamError, digestMismatch } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { digestAlgorithm, digestOf } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import { describeManifest } from '../oci/manifest.ts'
import { imageName } from '../oci/name.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import type { HeldManifest, Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import type { MirrorEvents } from './events.ts'
import { Misses } from './misses.ts'
import type { Uses } from './uses.ts'

/** A push may be going on: what is missing now may be there soon. */
const MISSING_MANIFEST_MS = 10_000

export interface FoundManifest {
  readonly manifest: HeldManifest
  /** Whether upstream was asked for the bytes. */
  readonly how: 'hit' | 'miss'
}

export interface ManifestsOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly events: MirrorEvents
  readonly uses: Uses
  readonly offline: boolean
  readonly now: () => number
}

export class Manifests {
  readonly #options: ManifestsOptions
  readonly #fetching = new SingleFlight<HeldManifest | undefined>()
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
    const { index, offline, uses } = this.#options
    const [held, content] = await Promise.all([
      index.findManifest(digest),
      index.findContent(repository, digest),
    ])
    if (held && content?.kind === 'manifest') {
      uses.note(digest)
      return { manifest: held, how: 'hit' }
    }
    const key = imageName(repository, { digest })
    if (offline || this.#missing.has(key)) return undefined
    const manifest = await this.#fetching.run(key, async () => {
      // Whoever asked just before may have brought it since this one looked.
      const known = await this.held(repository, digest)
      if (known) return known.manifest
      return await (held ? this.#confirm(repository, held) : this.#fetch(repository, { digest }))
    })
    if (!manifest) this.#missing.add(key)
    return manifest && { manifest, how: 'miss' }
  }

  /** What is held and known to be in the repository; asks nobody. */
  async held(repository: Repository, digest: Digest): Promise<FoundManifest | undefined> {
    const { index } = this.#options
    const content = await index.findContent(repository, digest)
    const manifest = content?.kind === 'manifest' ? await index.findManifest(digest) : undefined
    return manifest && { manifest, how: 'hit' }
  }

  /** For registries whose HEAD names no digest. */
  async fetchTag(
    repository: Repository,
    tag: Tag,
  ): Promise<{ digest: Digest; mediaType: string; sizeBytes: number } | undefined> {
    const key = imageName(repository, { tag })
    const manifest = await this.#fetching.run(key, () => this.#fetch(repository, { tag }))
    if (!manifest) return undefined
    const { digest, mediaType, bytes } = manifest
    return { digest, mediaType, sizeBytes: bytes.byteLength }
  }

  /** Held for another repository: a HEAD tells whether this one contains it too. */
  async #confirm(repository: Repository, held: HeldManifest): Promise<HeldManifest | undefined> {
    const { index, upstreams } = this.#options
    const { digest } = held
    const upstream = upstreams.registry(repository.registry)
    if (!(await upstream.headManifest(repository.name, { digest }))) return undefined
    await index.recordManifest(repository, {
      ...held,
      ...describeManifest(held.bytes, held.mediaType),
    })
    return held
  }

  async #fetch(repository: Repository, reference: Reference): Promise<HeldManifest | undefined> {
    const { index, upstreams, events } = this.#options
    const upstream = upstreams.registry(repository.registry)
    const fetched = await upstream.getManifest(repository.name, reference)
    if (!fetched) return undefined
    const { bytes, contentType } = fetched
    const described = describeOrRefuse(bytes, contentType)
    const digest = 'digest' in reference ? reference.digest : digestOf(bytes)
    const found = digestOf(bytes, digestAlgorithm(digest))
    if (found !== digest) throw digestMismatch(digest, found)
    await index.recordManifest(repository, { digest, bytes, ...described }).catch((error) => {
      if (!(error instanceof StoreError)) throw error
      events.unrecorded(repository, digest, error.message)
    })
    return { digest, bytes, mediaType: described.mediaType }
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
