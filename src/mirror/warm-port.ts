// What filling the cache ahead of time needs of the mirror: the same tags, manifests and downloads that
// pulls use, without anybody pulling. Nothing here counts as a pull or as a use.

import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import type { HeldManifest } from '../store/index-port.ts'
import type { PullQuota } from '../upstream/upstream.ts'

export interface TagHead {
  /** Undefined where the registry's HEAD names none: only the bytes tell. */
  readonly digest: Digest | undefined
  readonly mediaType: string | undefined
  readonly sizeBytes: number | undefined
}

/** How a blob came to be there. */
export type StoredHow =
  /** It was there, or another download brought it meanwhile. */
  | { readonly how: 'held' }
  | { readonly how: 'fetched'; readonly bytes: number }
  /** Upstream does not have it. */
  | { readonly how: 'missing' }

export interface Storing {
  /** Aborted: the download is kept for resuming, unless a client reads it. */
  readonly signal: AbortSignal
  /** Bytes that came from upstream for it since the last call. */
  arrived(bytes: number): void
}

/**
 * Every method that asks upstream throws UpstreamError, IntegrityError and StoreError as pulls do, after
 * the short tries that pulls are given; longer patience is the caller's.
 */
export interface WarmMirror {
  /** Which repository a name means as people type it; a sentence where it means none that is served. */
  repository(name: string): Repository | { readonly refused: string }
  /**
   * One HEAD; what it says of the tag is noted as for a pull. Undefined: upstream has no such tag, and
   * what is known of it stays. Never a GET.
   */
  head(repository: Repository, tag: Tag): Promise<TagHead | undefined>
  /** Upstream's own list, asked now. Undefined: no such repository, or it keeps no list. */
  tags(repository: Repository): Promise<readonly string[] | undefined>
  /** What the index says that the tag points to; asks nobody. */
  knownTag(repository: Repository, tag: Tag): Promise<Digest | undefined>
  /** Held, and served in the repository with nobody asked. */
  heldManifest(repository: Repository, digest: Digest): Promise<HeldManifest | undefined>
  /**
   * From upstream, where it is not held. By tag: what it points to now, and the tag is moved there.
   * `asked`: whether upstream was sent a GET, which may count as a pull.
   */
  manifest(
    repository: Repository,
    reference: Reference,
  ): Promise<{ readonly manifest: HeldManifest; readonly asked: boolean } | undefined>
  /**
   * Of these, what is not stored whole and right, or would not be served there without asking upstream.
   * Never foreign layers: clients get them where their descriptors say, and registries need not have them.
   */
  missingBlobs(repository: Repository, blobs: readonly Descriptor[]): Promise<readonly Descriptor[]>
  /**
   * Downloads it to its end, or goes on with what an earlier one left, or waits for one under way.
   * IntegrityError: asked once more, it comes from another endpoint, or is refused unasked for some
   * seconds where there is none.
   */
  storeBlob(repository: Repository, blob: Descriptor, storing: Storing): Promise<StoredHow>
  /**
   * Sees to it that the repository can be served without upstream: finds out who may read it, without
   * the login. Asks where there is a login, at most once a day, after the manifests are stored.
   */
  settleVisibility(repository: Repository): Promise<void>
  /** What the registry last said of pulls that are left; undefined: it does not count, or has not said. */
  quota(registry: string): PullQuota | undefined
  /** From now on a run's downloads together stay below this; undefined: no cap. Live pulls go first anyway. */
  limitBandwidth(bytesPerSecond: number | undefined): void
  /** Whether a client's pull is being downloaded now, for which the run's downloads stand back. */
  readonly isYielding: boolean
  /** Nothing is ever asked: declared by the operator. */
  readonly isOffline: boolean
}
