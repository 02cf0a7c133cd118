// The port to the index: what is known of repositories, tags, manifests and blobs.
// Each method is one atomic operation named after what happened. One implementation today: SQLite.

import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'

export interface HeldManifest {
  readonly digest: Digest
  readonly mediaType: string
  /** Exactly as upstream sent them. */
  readonly bytes: Uint8Array
}

/** What is needed to store a manifest and what hangs on it. */
export interface ManifestRecord extends HeldManifest {
  readonly children: readonly Descriptor[]
  readonly blobs: readonly Descriptor[]
  readonly subject: Digest | undefined
  readonly artifactType: string | undefined
}

export interface TagRow {
  /** The digest last seen upstream; its manifest may not be held yet. */
  readonly digest: Digest
  readonly mediaType: string | undefined
  readonly sizeBytes: number | undefined
  /** When upstream last confirmed it, in ms since the epoch. */
  readonly checkedAt: number
  /** The last digest that was whole for at least one platform, where it is not `digest`. */
  readonly completeDigest: Digest | undefined
}

/** What a repository is known to contain under a digest. */
export interface ContentRow {
  readonly kind: 'manifest' | 'blob'
  /** From the descriptor that named it, where one did. */
  readonly sizeBytes: number | undefined
  /** Only a descriptor in this repository names it: upstream was never seen to give it out here. */
  readonly isClaim: boolean
}

/**
 * What becomes readable to everybody:
 * - `repository`: all of it, as was seen just now
 * - `repository-until-checked`: all of it unless it is known as something else, to be looked at soon
 * - `content`: what was given, in whatever repository names it
 * - `nothing`: not even that
 * - `login-only`: nothing, and a repository that was never looked at counts as private until it is
 */
export type Opening =
  'repository' | 'repository-until-checked' | 'content' | 'nothing' | 'login-only'

/** What upstream gave, or said that it has, in a repository. */
export interface Sighting {
  readonly opens: Opening
}

/** Whether anybody may read a repository. */
export interface Visibility {
  readonly isPublic: boolean
  /** In ms since the epoch. */
  readonly checkedAt: number
}

/** What was last heard as a list, with when. */
export interface StoredTagList {
  readonly tags: readonly string[]
  readonly fetchedAt: number
}

export interface StoredReferrers {
  /** JSON of the descriptors as upstream wrote them, an array. */
  readonly descriptors: string
  readonly fetchedAt: number
}

/** What was recorded when content was published, or found right since. */
export interface BlobRow {
  readonly sizeBytes: number
  /** The file as it was then: another one means that somebody touched it. Undefined: not known. */
  readonly stamp: string | undefined
}

export interface StoredDigest {
  readonly digest: Digest
  readonly sizeBytes: number
}

/** What has to be looked at before the index and the files can be trusted to say the same. */
export type PendingCheck =
  /** The last owner did not stop in good order. */
  | {
      readonly kind: 'reconcile'
      /** An earlier version wrote the rows, before files had stamps. */
      readonly isUnstamped?: boolean
    }
  /** The index is new while content was stored; `from`: the one it replaces, a path. */
  | { readonly kind: 'rebuild'; readonly from: string | undefined }

export interface CheckedManifests {
  /** The one to go on behind; undefined after the end. */
  readonly last: Digest | undefined
  readonly bad: readonly Digest[]
  /** Right, but without a file of their own beside the index. */
  readonly unkept: readonly Digest[]
}

/** What was read out of a damaged index, to be taken over where nothing newer is known. */
export type SalvagedRow =
  | (Repository & { readonly table: 'repository'; readonly isPublic: boolean | undefined })
  | (Repository & {
      readonly table: 'content'
      readonly digest: Digest
      readonly kind: 'manifest' | 'blob'
      readonly sizeBytes: number | undefined
      readonly isClaim: boolean
      readonly isOpen: boolean
    })
  | (Repository &
      TagRow & {
        readonly table: 'tag'
        readonly tag: Tag
        readonly changedAt: number
        readonly usedAt: number | undefined
      })
  | (Repository & {
      readonly table: 'pin'
      readonly reference: string
      readonly by: string
      readonly pinnedAt: number
      readonly keepMs: number | undefined
      readonly leftAt: number | undefined
    })
  | (Repository & StoredTagList & { readonly table: 'tag_list' })
  | (Repository & StoredReferrers & { readonly table: 'referrers'; readonly subject: Digest })
  | (PullCount & { readonly table: 'pull_count' })
  | (HeldManifest & { readonly table: 'manifest' })

export interface WarmRunRow {
  readonly startedAt: number
  /** Which lists it was of: their paths, or how else they are called. */
  readonly lists: readonly string[]
  /** JSON, which the index does not look into, like the results. */
  readonly report: string
  /** Undefined where it was too long ago. */
  readonly results: string | undefined
}

/** An image that a list keeps. */
export interface ListPin {
  readonly repository: Repository
  readonly reference: Reference
  /** How long it stays pinned once the list no longer means it, in ms; undefined: until it is removed. */
  readonly keepMs: number | undefined
}

/** What has left its list. `by`: the list, as `keepPins` was told. */
export interface LeftPin extends Omit<ListPin, 'keepMs'> {
  readonly by: string
  readonly leftAt: number
}

/** What a run of a list brought or found whole. */
export interface ListPins {
  readonly held: readonly ListPin[]
  /**
   * Whether what the list pinned before and is not among `held` has left the list, from `at` on; but for
   * what `still` names, which the list means though it could not be brought, and everything in the
   * repositories `unsure`, whose tags could not be told.
   */
  readonly releasesOthers: boolean
  readonly still: readonly Omit<ListPin, 'keepMs'>[]
  readonly unsure: readonly Repository[]
  readonly at: number
}

/** A tag that a client asked for. */
export interface TagUse {
  readonly repository: Repository
  readonly tag: Tag
  /** In ms since the epoch. */
  readonly usedAt: number
}

/** What is stored, in whole blocks of the disk. */
export interface StoreUsage {
  readonly blobs: number
  readonly blobBytes: number
  /** Of the index's own files. */
  readonly indexBytes: number
}

/** An image that was passed: a tag that was used later falls back on it. */
export interface WaitingImage {
  readonly digest: Digest
  /** As it counts. */
  readonly lastUse: number
}

/** How far the search for images that may go has come. */
export interface ImageCursor {
  readonly lastUse: number
  readonly row: number
  /** Due first. */
  readonly waiting: readonly WaitingImage[]
  /** More were passed than are kept in mind here. */
  readonly isMore: boolean
}

/** Which image may go: the one not used for longest of those last used before then. */
export interface ImageVictim {
  /** Undefined: from the start. */
  readonly after: ImageCursor | undefined
  readonly before: number
  /** What is being downloaded: images that name it stay. */
  readonly spares: readonly Digest[]
  /** Content that stays, whatever happens to its image. */
  readonly inUse: readonly Digest[]
}

/** Which image that no tag points to may go: the first that lost its last one in [after, before). */
export interface UntaggedVictim {
  readonly after: number
  readonly before: number
  readonly inUse: readonly Digest[]
}

/** Which of the next `scan` rows of stored content behind `after` may go, as no manifest names them. */
export interface SliceAsk {
  readonly after: number
  readonly scan: number
  /** Only what was not used since. */
  readonly before: number
  readonly enoughBytes: number
  readonly inUse: readonly Digest[]
}

/** What the index no longer knows. The files of `blobs` are to be removed next. */
export interface Removed {
  readonly manifests: readonly Digest[]
  readonly blobs: readonly StoredDigest[]
  readonly tags: readonly (Repository & { readonly tag: Tag })[]
  readonly contents: readonly (Repository & { readonly digest: Digest })[]
  readonly repositories: readonly Repository[]
}

export interface ImageSlice {
  /** Undefined where none of those looked at may go. */
  readonly removed: Removed | undefined
  /** What to go on with; undefined after the end. */
  readonly next: ImageCursor | undefined
}

export interface OrphanSlice {
  readonly removed: Removed
  /** What to go on behind; undefined after the end. */
  readonly next: number | undefined
}

/** What clients got of one registry on one day, to be added to what is counted already. */
export interface PullCount {
  /** In UTC, `2026-11-22`. */
  readonly day: string
  readonly registry: string
  /** Answers from the store, from a download under way, from upstream, and from memory for want of upstream. */
  readonly hits: number
  readonly joins: number
  readonly misses: number
  readonly stale: number
  /** Bytes of content sent to clients, and fetched from upstream. */
  readonly servedBytes: number
  readonly fetchedBytes: number
}

export interface Index {
  findTag(repository: Repository, tag: Tag): Promise<TagRow | undefined>
  /**
   * Upstream said what the tag points to now; also makes the digest visible in the repository. Undefined
   * where that could not be written.
   */
  moveTag(
    repository: Repository,
    tag: Tag,
    to: {
      readonly digest: Digest
      readonly mediaType: string | undefined
      readonly sizeBytes: number | undefined
      readonly checkedAt: number
    } & Sighting,
  ): Promise<TagRow | undefined>
  /** Upstream said with authority that the tag is gone. */
  forgetTag(repository: Repository, tag: Tag): Promise<void>
  /** Undefined where the repository was never seen to contain the digest. */
  findContent(repository: Repository, digest: Digest): Promise<ContentRow | undefined>
  recordContent(
    repository: Repository,
    digest: Digest,
    row: Omit<ContentRow, 'isClaim'> & Sighting,
  ): Promise<void>
  /**
   * Whether anybody may read the digest somewhere: it was seen in a public repository, or given to
   * the anonymous in one that is not known to be private.
   */
  isOpen(digest: Digest): Promise<boolean>
  /** Repositories that were seen to contain the digest, at most SEEN_IN_MAX. */
  seenIn(digest: Digest): Promise<readonly Repository[]>
  /** Undefined where it was never looked at. */
  findVisibility(repository: Repository): Promise<Visibility | undefined>
  recordVisibility(repository: Repository, visibility: Visibility): Promise<void>
  /** Held for any repository: ask `findContent` before serving it. */
  findManifest(digest: Digest): Promise<HeldManifest | undefined>
  /** Stores the bytes and makes the manifest, its children and its blobs visible in the repository. */
  recordManifest(repository: Repository, manifest: ManifestRecord & Sighting): Promise<void>
  /** The tags this index knows of a repository, in byte order, whole or not. */
  knownTags(repository: Repository): Promise<readonly Tag[]>
  findTagList(repository: Repository): Promise<StoredTagList | undefined>
  recordTagList(repository: Repository, list: StoredTagList & Sighting): Promise<void>
  /** Held manifests, seen in the repository, that name `subject` as theirs. */
  knownReferrers(repository: Repository, subject: Digest): Promise<readonly HeldManifest[]>
  findReferrers(repository: Repository, subject: Digest): Promise<StoredReferrers | undefined>
  recordReferrers(
    repository: Repository,
    subject: Digest,
    referrers: StoredReferrers & Sighting,
  ): Promise<void>
  /**
   * Repositories of the registry of which a manifest is held, with what is known of their visibility:
   * so many at most of those that come after a name, in byte order.
   */
  heldRepositories(
    registry: string,
    after: string,
    limit: number,
  ): Promise<readonly (Repository & { readonly isPublic: boolean | undefined })[]>
  /** The content is in its place and was hashed just now. */
  publishBlob(digest: Digest, blob: BlobRow & { readonly storedAt: number }): Promise<void>
  /** The content is no longer there, or no longer right. */
  forgetBlob(digest: Digest): Promise<void>
  findBlob(digest: Digest): Promise<BlobRow | undefined>
  /** The stored content was hashed again and is right. */
  checkedBlob(digest: Digest, stamp: string, checkedAt: number): Promise<void>
  /** Published content that was not hashed since `before`, longest ago first. */
  leastRecentlyChecked(before: number, limit: number): Promise<readonly StoredDigest[]>
  /** Rows of stored content in the order of their digests, from the first one behind `after`. */
  blobsAfter(after: string, limit: number): Promise<readonly StoredDigest[]>
  /** Content was found that no row tells of. Not hashed yet where its stamp is undefined. */
  adoptBlob(digest: Digest, blob: BlobRow & { readonly storedAt: number }): Promise<void>
  /** A manifest was found among the content; which repositories contain it is another matter. */
  restoreManifest(manifest: ManifestRecord): Promise<void>
  /** Hashes the next manifests behind `after` and forgets those whose bytes are wrong. */
  checkManifests(after: string, limit: number): Promise<CheckedManifests>
  /** Takes over what a damaged index still told; what is known already stands. */
  restore(rows: readonly SalvagedRow[]): Promise<void>
  /** Undefined where the last owner stopped in good order. Stands until `checkDone`. */
  pendingCheck(): Promise<PendingCheck | undefined>
  checkDone(): Promise<void>
  /** Adds to what is counted per day and registry. */
  countPulls(counts: readonly PullCount[]): Promise<void>
  /** Keeps an image from being evicted. `by` says who wants it: a list's file name, a person. */
  pin(repository: Repository, reference: Reference, by: string, pinnedAt: number): Promise<void>
  unpin(repository: Repository, reference: Reference, by: string): Promise<void>
  /** What a list keeps, after a run of it. `by`: `list` and its path. What it means again has not left it. */
  keepPins(by: string, pins: ListPins): Promise<void>
  /** Takes away the pins whose time after leaving their list was up before `now`. */
  endPins(now: number): Promise<void>
  /** The same before their time, of those that have not come back since: all of them, or none. */
  endLeft(pins: readonly LeftPin[]): Promise<void>
  /** Another number after every change of what is pinned; 0 until there is any pin. */
  pinsVersion(): Promise<number>
  /** Takes away every pin of one who set them, and of all whose name goes on behind it with a space. */
  unpinAll(by: string): Promise<void>
  /** Notes that a run of `warm` has begun: what it has come to should the owner not live to record it. */
  beginWarmRun(run: WarmRunRow): Promise<void>
  /** Of one that its owner lived to see fail: it is none that was killed. */
  forgetBegunWarmRun(lists: readonly string[]): Promise<void>
  /** Keeps what a run of `warm` came to; of all but the latest few, and the last of each list, only the report. */
  recordWarmRun(run: WarmRunRow): Promise<void>
  /** Once, by each owner: no run goes on that an earlier one had begun. */
  closeWarmRuns(): Promise<void>
  /** Those that have ended, the latest first. */
  lastWarmRuns(count: number): Promise<readonly WarmRunRow[]>
  /** The same of runs of any of these lists. */
  lastWarmRunsOf(lists: readonly string[], count: number): Promise<readonly WarmRunRow[]>
  /** Of each list the last run of which the results are kept, the latest first. */
  lastWarmRunOfEach(): Promise<readonly WarmRunRow[]>
  usage(): Promise<StoreUsage>
  /**
   * Looks at some images and removes the first that may go, with what nothing else uses: what it lists,
   * its blobs, its tags. Never what is pinned.
   */
  evictImage(ask: ImageVictim): Promise<ImageSlice>
  /**
   * Removes one image that no tag has pointed to, and nobody has used, since `before`. What a tag falls
   * back on goes too, once the tag's newer digest is whole for as many platforms.
   */
  evictUntagged(
    ask: UntaggedVictim,
  ): Promise<(Removed & { readonly untaggedAt: number }) | undefined>
  evictOrphans(ask: SliceAsk): Promise<OrphanSlice>
  /** Somebody wants it gone. Undefined where the repository is not known to have it. */
  remove(
    repository: Repository,
    reference: Reference,
    inUse: readonly Digest[],
  ): Promise<Removed | undefined>
  /** The platforms of which every manifest and blob is held; `''` stands for an image without an index. */
  wholePlatforms(digest: Digest): Promise<readonly string[]>
  /** When manifests and blobs were last served, in ms since the epoch; unknown digests are ignored. */
  recordUses(uses: readonly (readonly [Digest, number])[], tags?: readonly TagUse[]): Promise<void>
  /** Tags of the repository that clients asked for since then, the latest first; at most `limit`. */
  usedTags(repository: Repository, since: number, limit: number): Promise<readonly Tag[]>
  /** Repositories of which clients asked for a tag since then, in byte order; at most `limit`. */
  usedRepositories(
    registry: string,
    startsWith: string,
    since: number,
    limit: number,
  ): Promise<readonly Repository[]>
  /**
   * Another number after every change by which what is held, known or visible could be another. Asks
   * nobody.
   */
  changes(): number
  close(): Promise<void>
}

/** What is asked of the worker. */
export type WorkerIndex = Omit<Index, 'changes'>
