// The port to looking at the index at length: a second connection that only reads, so that no pull
// waits for whoever looks. Every call is one short look; what is long is asked for page by page.

import type { Digest } from '../oci/digest.ts'
import type { RepositoryName, Tag } from '../oci/name.ts'
import type { ListPin, PullCount, StoredDigest } from './index-port.ts'

/** Images of one registry by how their names begin. */
export interface ImageSelection {
  readonly registry: string
  readonly name: { readonly is: string } | { readonly startsWith: string }
  /** With it, only images that such a tag points to. */
  readonly tagStartsWith: string | undefined
  readonly digestStartsWith: string | undefined
}

/** An image by one tag, or one that no tag of its repository and no held manifest names. */
export interface HeldImage {
  readonly registry: string
  readonly name: RepositoryName
  readonly tag: Tag | undefined
  readonly digest: Digest
  /** What an index lists and is held; `''` stands for an image without an index. */
  readonly platforms: readonly { readonly platform: string; readonly isComplete: boolean }[]
  /** Of what is stored of it. */
  readonly sizeBytes: number
  /** Of these, what other images use too. */
  readonly sharedBytes: number
  readonly storedAt: number
  /** Of its manifest, or of one below it. */
  readonly usedAt: number | undefined
  readonly pinnedBy: readonly string[]
}

/** Where the next page begins. */
export interface ImageCursor {
  readonly name: string
  readonly among: 'tagged' | 'untagged'
  /** A tag or a digest; the page begins after it. */
  readonly last: string
}

export interface ImagePage {
  /** By name, each repository's tags before what has none. */
  readonly images: readonly HeldImage[]
  /** Undefined: this was the last. */
  readonly next: ImageCursor | undefined
}

/** Where the next page of images by last use begins. */
export interface UseCursor {
  readonly lastUse: number
  readonly row: number
}

/** An image that would be removed. */
export interface VictimImage {
  readonly digest: Digest
  /** By a tag if it has one. */
  readonly name: string
  /** What of it nothing else uses, and nobody reads now. */
  readonly ownBytes: number
  /** Of itself, or of a tag that has nothing else to fall back on. */
  readonly lastUse: number
  readonly cursor: UseCursor
}

/** Content that is stored, and the whole blocks of the disk that it takes. */
export type KeptBytes = readonly [digest: Digest, bytes: number]

/** What one list keeps by one name. */
export interface ListedPin extends ListPin {
  /** `list` and its path. */
  readonly by: string
  /** Since when it has left its list, in ms since the epoch. */
  readonly leftAt: number | undefined
  /** Below the name: of a tag also what it falls back on. */
  readonly content: readonly KeptBytes[]
}

/** The last pin of a page: the next begins after it. */
export interface PinCursor {
  readonly row: number
  readonly reference: string
  readonly by: string
}

export interface PinningList {
  /** `list` and its path. */
  readonly by: string
  /** How long what it keeps outlasts it, at least; undefined: for good. */
  readonly keepMs: number | undefined
}

export interface KeptPage {
  readonly pins: readonly ListedPin[]
  /** Undefined: this was the last. */
  readonly next: PinCursor | undefined
}

export interface IndexReader {
  /** Of which some repository is known, in byte order. */
  registries(): Promise<readonly string[]>
  images(selection: ImageSelection, after: ImageCursor | undefined): Promise<ImagePage>
  /** Known repositories of the registry with names like this one, the likest first. */
  likelyRepositories(registry: string, name: string): Promise<readonly string[]>
  /** From that day on, the earliest first. */
  pullCounts(since: string): Promise<readonly PullCount[]>
  /** Images that no tag has pointed to, and nobody has used, since `before`; by digest. */
  untaggedImages(
    before: number,
    after: string,
    inUse: readonly Digest[],
  ): Promise<readonly VictimImage[]>
  /** Images that may be evicted, by their own last use, the one not used for longest first. */
  imagesByUse(after: UseCursor, inUse: readonly Digest[]): Promise<readonly VictimImage[]>
  /** The images that name any of these, at any depth. */
  imagesNaming(digests: readonly Digest[]): Promise<readonly Digest[]>
  /** What of the next `scan` rows no manifest names, and nobody has used since `before`. */
  orphans(
    after: number,
    scan: number,
    before: number,
  ): Promise<{ readonly orphans: readonly StoredDigest[]; readonly next: number | undefined }>
  /** Of all stored content that any pin keeps. Of thousands of pins not a short look. */
  pinnedBytes(): Promise<number>
  /** Lists that keep anything that has not left them. */
  pinningLists(): Promise<readonly PinningList[]>
  /** By repository and name. */
  keptByLists(after: PinCursor | undefined): Promise<KeptPage>
  close(): Promise<void>
}
