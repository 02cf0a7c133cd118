// What filling the cache ahead of time needs of the mirror: the same tags, manifests and downloads that
// pulls use, without anybody pulling. Nothing here counts as a pull or as a use.

import type { Pinnable } from '../care/room-port.ts'
import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import type { ReferrerDescriptor } from '../oci/referrers.ts'
import type { HeldManifest } from '../store/index-port.ts'
import type { PullQuota } from '../upstream/upstream.ts'
import type { Cap } from './pace.ts'

export interface TagHead {
  /** Undefined where the registry's HEAD names none: only the bytes tell. */
  readonly digest: Digest | undefined
  readonly mediaType: string | undefined
  readonly sizeBytes: number | undefined
}

export interface ListedTags {
  readonly tags: readonly string[]
  /** Upstream has more than are asked for. */
  readonly isCut: boolean
}

export interface FoundReferrers {
  /** Undefined: they stand in the manifest of `tag`, which is not held. */
  readonly referrers: readonly ReferrerDescriptor[] | undefined
  /** What stands in for the API at a registry without one, where anything does. */
  readonly tag: Tag | undefined
  /** What the tag points to, where that was asked for just now. */
  readonly head?: TagHead | undefined
}

export interface KnownReferrers extends FoundReferrers {
  readonly referrers: readonly ReferrerDescriptor[]
  /** In ms since the epoch. */
  readonly checkedAt: number
}

/** What clients get of a repository when upstream is gone. `unknown`: upstream's answer left it open. */
export type Settled = 'served' | 'refused' | 'unknown'

/** How a blob came to be there. */
export type StoredHow =
  /** It was there, or another download brought it meanwhile. */
  | { readonly how: 'held' }
  | { readonly how: 'fetched'; readonly bytes: number }
  /** Upstream does not have it. */
  | { readonly how: 'missing' }

/**
 * Whether blobs are stored right, by digest, and whether they are served in a repository, by both: as seen
 * in one look at many images. Most share most of theirs: of 5 000 unchanged ones the index was asked
 * 20 000 questions about blobs, and is asked 400 with this.
 */
export type LookedAt = Map<string, Promise<boolean>>

export interface Storing {
  /** Aborted: the download is kept for resuming, unless a client reads it. */
  readonly signal: AbortSignal
  /** Of the run that wants it; undefined: none. What others want too comes as fast as they may have it. */
  readonly cap: Cap | undefined
  /** Bytes that came from upstream for it since the last call. */
  arrived(bytes: number): void
}

/**
 * Every method that asks upstream throws UpstreamError, IntegrityError and StoreError as pulls do, after
 * the short tries that pulls are given; longer patience is the caller's.
 */
export interface WarmMirror {
  /**
   * Which repository a name means as people type it; a sentence where it means none that is served, or
   * one that the operator's lists leave out.
   */
  repository(name: string): Repository | { readonly refused: string }
  /** The same for a name that may have `*` in it (list/name-pattern.ts): its registry, and the rest there. */
  canonicalName(
    name: string,
  ): { readonly registry: string; readonly name: string } | { readonly refused: string }
  /** Why the operator's lists (`allow`, `block`) leave out a tag of a repository; undefined: they do not. */
  denial(repository: Repository, tag: Tag): string | undefined
  /**
   * One HEAD; what it says of the tag is noted as for a pull. Undefined: upstream has no such tag, and
   * what is known of it stays. Never a GET.
   */
  head(repository: Repository, tag: Tag): Promise<TagHead | undefined>
  /** Upstream's own list, asked now. Undefined: no such repository, or it keeps no list. */
  tags(repository: Repository): Promise<ListedTags | undefined>
  /** What the index says that the tag points to, and when upstream said so last; asks nobody. */
  knownTag(
    repository: Repository,
    tag: Tag,
  ): Promise<{ readonly digest: Digest; readonly checkedAt: number } | undefined>
  /** Tags of the repository that clients asked for since then, the latest first; asks nobody. */
  usedTags(repository: Repository, since: number): Promise<readonly Tag[]>
  /**
   * Repositories of which clients asked for a tag since then, as a name with `*` in its last components
   * means them (list/name-pattern.ts), in byte order; a sentence where it means no registry that is served.
   */
  usedRepositories(
    pattern: string,
    since: number,
  ): Promise<readonly Repository[] | { readonly refused: string }>
  /**
   * What refers to the manifest, asked of upstream now: by the referrers API, or the tag that stands in
   * for it. Stored, also that it is nothing, for when upstream is gone. Never a GET of a manifest.
   * `head`: of that tag, where that was asked for already: then nobody is asked.
   */
  referrers(repository: Repository, subject: Digest, head?: TagHead): Promise<FoundReferrers>
  /** What upstream said of it last; asks nobody. */
  knownReferrers(repository: Repository, subject: Digest): Promise<KnownReferrers | undefined>
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
   * `looked`: what was looked at with it is not looked at again.
   */
  missingBlobs(
    repository: Repository,
    blobs: readonly Descriptor[],
    looked?: LookedAt,
  ): Promise<readonly Descriptor[]>
  /**
   * Downloads it to its end, or goes on with what an earlier one left, or waits for one under way.
   * IntegrityError: asked once more, it comes from another endpoint, or is refused unasked for some
   * seconds where there is none.
   */
  storeBlob(repository: Repository, blob: Descriptor, storing: Storing): Promise<StoredHow>
  /** Whether clients would be answered from the repository with upstream gone; asks nobody. */
  isServed(repository: Repository): Promise<boolean>
  /**
   * The same, after finding out who may read the repository where that is not known, at most once a day:
   * by HEADs for a manifest that was brought from it, without the login; by a GET only where a registry
   * answers no HEAD. `turn` is waited for before anybody is asked.
   */
  settleVisibility(
    repository: Repository,
    digest: Digest,
    turn?: () => Promise<void>,
  ): Promise<Settled>
  /** What the registry last said of pulls that are left; undefined: it does not count, or has not said. */
  quota(registry: string): PullQuota | undefined
  /** What lists may keep, and what they keep now; undefined: cannot be told. */
  pinnable(): Promise<Pinnable | undefined>
  /** Whether a client's pull is being downloaded now, for which the run's downloads stand back. */
  readonly isYielding: boolean
}
