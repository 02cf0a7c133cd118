// The one place that answers for a registry: what a manifest or blob request gets.

import { IntegrityError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import { isManifestType } from '../oci/media-type.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import { Blobs } from './blobs.ts'
import type { BlobAnswer, BlobsOptions } from './blobs.ts'
import type { MirrorEvents } from './events.ts'
import { tagTtl } from './freshness.ts'
import type { TagTtl } from './freshness.ts'
import { Manifests } from './manifests.ts'
import type { FoundManifest } from './manifests.ts'
import { Tags } from './tags.ts'
import type { ResolvedTag } from './tags.ts'
import { resolveTarget } from './target.ts'
import { Uses } from './uses.ts'
import type { Addressing, Asked, Target } from './target.ts'

export interface MirrorOptions extends Omit<BlobsOptions, 'uses'> {
  readonly addressing: Addressing
  readonly tagTtl: TagTtl
  readonly staleAfterMs: number
}

export interface ManifestAnswer {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  /** Undefined where only the head was wanted. */
  readonly bytes: Uint8Array | undefined
  /** `revalidated`: upstream was asked by HEAD and what it named was held. */
  readonly how: 'hit' | 'revalidated' | 'miss' | 'stale'
  /** Why this may be out of date, in a sentence. */
  readonly staleBecause: string | undefined
}

export class Mirror {
  readonly #addressing: Addressing
  readonly #manifests: Manifests
  readonly #tags: Tags
  readonly #blobs: Blobs
  readonly #uses: Uses
  readonly #events: MirrorEvents

  constructor(options: MirrorOptions) {
    this.#addressing = options.addressing
    this.#events = options.events
    this.#uses = new Uses(options.index, options.now)
    this.#manifests = new Manifests({ ...options, uses: this.#uses })
    this.#tags = new Tags({
      ...options,
      manifests: this.#manifests,
      ttlMs: tagTtl(options.tagTtl),
    })
    this.#blobs = new Blobs({ ...options, uses: this.#uses })
  }

  /** Which repository of which registry a client means. */
  target(asked: Asked): Target {
    return resolveTarget(asked, this.#addressing)
  }

  /** Undefined when there is no such manifest. Throws UpstreamError where that cannot be told. */
  async manifest(
    repository: Repository,
    reference: Reference,
    want: 'head' | 'bytes',
  ): Promise<ManifestAnswer | undefined> {
    if ('digest' in reference) {
      const found = await this.#manifests.find(repository, reference.digest)
      return found && answer(found, undefined)
    }
    const tag = await this.#tags.resolve(repository, reference.tag)
    if (!tag) return undefined
    // Watchers that only ever HEAD a tag must not cost a pull each time it moves.
    const head = want === 'head' ? await this.#head(repository, tag) : undefined
    return head ?? (await this.#manifestOfTag(repository, reference.tag, tag))
  }

  /** What is held says better than upstream's headers what a GET will bring. */
  async #head(repository: Repository, tag: ResolvedTag): Promise<ManifestAnswer | undefined> {
    const held = await this.#manifests.held(repository, tag.digest)
    return held ? answer(held, tag) : headOf(tag)
  }

  async #manifestOfTag(
    repository: Repository,
    name: Tag,
    tag: ResolvedTag,
  ): Promise<ManifestAnswer | undefined> {
    let failure: Error | undefined
    try {
      const found = await this.#newest(repository, name, tag)
      if (found) return answer(found, tag)
    } catch (error) {
      failure = error as Error
    }
    const complete = tag.completeDigest
      ? await this.#manifests.find(repository, tag.completeDigest).catch(() => undefined)
      : undefined
    if (complete) {
      const because = failure?.message ?? 'the newer one is not held'
      return answer(complete, { ...tag, staleBecause: tag.staleBecause ?? because })
    }
    if (failure) throw failure
    return undefined
  }

  async #newest(
    repository: Repository,
    name: Tag,
    tag: ResolvedTag,
  ): Promise<FoundManifest | undefined> {
    try {
      const found = await this.#manifests.find(repository, tag.digest)
      if (found || tag.staleBecause) return found
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error
    }
    const digest = await this.#tags.refetch(repository, name)
    if (digest && digest !== tag.digest) this.#events.misnamed(repository, name, tag.digest, digest)
    return digest && (await this.#manifests.find(repository, digest))
  }

  blob(repository: Repository, digest: Digest): Promise<BlobAnswer | undefined> {
    return this.#blobs.open(repository, digest)
  }

  blobSize(repository: Repository, digest: Digest): Promise<number | undefined> {
    return this.#blobs.size(repository, digest)
  }

  /** Stops downloads and keeps what is there. */
  async close(): Promise<void> {
    await this.#blobs.parkAll()
    await this.#uses.close()
  }
}

/** Only what upstream just told, or what is fresh: the GET that follows must find the same. */
function headOf(tag: ResolvedTag): ManifestAnswer | undefined {
  const { digest, mediaType, sizeBytes, staleBecause, asked } = tag
  if (staleBecause || !sizeBytes || !mediaType || !isManifestType(mediaType)) {
    return undefined
  }
  const how = asked ? 'revalidated' : 'hit'
  return { digest, mediaType, sizeBytes, bytes: undefined, how, staleBecause }
}

function answer(found: FoundManifest, tag: ResolvedTag | undefined): ManifestAnswer {
  const { digest, mediaType, bytes } = found.manifest
  const staleBecause = tag?.staleBecause
  const served = staleBecause
    ? 'stale'
    : found.how === 'hit' && tag?.asked
      ? 'revalidated'
      : found.how
  return { digest, mediaType, sizeBytes: bytes.byteLength, bytes, how: served, staleBecause }
}
