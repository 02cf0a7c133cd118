// The port to the index: what is known of repositories, tags, manifests and blobs.
// Each method is one atomic operation named after what happened. One implementation today: SQLite.

import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Repository, Tag } from '../oci/name.ts'

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
}

export interface Index {
  findTag(repository: Repository, tag: Tag): Promise<TagRow | undefined>
  /** Upstream said what the tag points to now; also makes the digest visible in the repository. */
  moveTag(
    repository: Repository,
    tag: Tag,
    to: {
      readonly digest: Digest
      readonly mediaType: string | undefined
      readonly sizeBytes: number | undefined
      readonly checkedAt: number
    },
  ): Promise<void>
  /** Upstream said with authority that the tag is gone. */
  forgetTag(repository: Repository, tag: Tag): Promise<void>
  /** Undefined where the repository was never seen to contain the digest. */
  findContent(repository: Repository, digest: Digest): Promise<ContentRow | undefined>
  recordContent(repository: Repository, digest: Digest, row: ContentRow): Promise<void>
  /** Held for any repository: ask `findContent` before serving it. */
  findManifest(digest: Digest): Promise<HeldManifest | undefined>
  /** Stores the bytes and makes the manifest, its children and its blobs visible in the repository. */
  recordManifest(repository: Repository, manifest: ManifestRecord): Promise<void>
  publishBlob(digest: Digest, sizeBytes: number, storedAt: number): Promise<void>
  /** The content is no longer there, or no longer right. */
  forgetBlob(digest: Digest): Promise<void>
  /** The size recorded when it was published. */
  findBlob(digest: Digest): Promise<{ readonly sizeBytes: number } | undefined>
  /** The platforms of which every manifest and blob is held; `''` stands for an image without an index. */
  wholePlatforms(digest: Digest): Promise<readonly string[]>
  /** When manifests and blobs were last served, in ms since the epoch; unknown digests are ignored. */
  recordUses(uses: readonly (readonly [Digest, number])[]): Promise<void>
  close(): Promise<void>
}
