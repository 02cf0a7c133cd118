// The port to stored content. One implementation today: files (blob-files.ts).

import type { Digest } from '../oci/digest.ts'
import type { Extent } from '../lib/extents.ts'

/** Published content as its file is now. */
export interface FoundBlob {
  readonly sizeBytes: number
  /** Changes whenever somebody touches the file. */
  readonly stamp: string
  /** In ms since the epoch. */
  readonly modifiedAt: number
}

/** Published content, open for reading. */
export interface StoredBlob {
  readonly fd: number
  /** The file as a worker opens it for hashing. */
  readonly path: string
  readonly sizeBytes: number
  /** Changes whenever somebody touches the file. */
  readonly stamp: string
  close(): Promise<void>
}

/** Content that is being downloaded. One owner writes; anybody who was given the fd reads. */
export interface StagedBlob {
  readonly fd: number
  /** The file as a worker opens it for hashing. */
  readonly path: string
  /** What is there from an earlier attempt: empty for a new download. */
  readonly extents: readonly Extent[]
  /** The size of the whole, where an earlier attempt knew it. */
  readonly totalBytes: number | undefined
  /** Nothing of what an earlier attempt left is part of this one. Before anything is written. */
  beginAfresh(): Promise<void>
  /** Writes the chunks one after another from `position` on; StoreError when the disk cannot take them. */
  write(position: number, chunks: readonly Uint8Array[]): Promise<void>
  /**
   * Notes what is there, for a later resume; resolves when the note is written or cannot be. Cheap;
   * calls made meanwhile fall together.
   */
  note(extents: readonly Extent[], totalBytes: number | undefined): Promise<void>
  /** What has been written since the last note needs none: it was all appended, and the note says so. */
  readonly isNoted: boolean
  /** Everything written so far survives a power loss once this resolves. */
  sync(): Promise<void>
  /** Syncs and moves the content to its published place; resolves to the stamp it has there. */
  publish(totalBytes: number): Promise<string>
  /** Keeps what is there for resuming. */
  park(): Promise<void>
  /** Removes it: the content is wrong. */
  discard(): Promise<void>
  /** After one of the three above, once nobody reads: until then the fd stays readable. */
  close(): Promise<void>
}

/** What lies in staging or in quarantine. */
export interface KeptFile<Name> {
  readonly name: Name
  readonly diskBytes: number
  /** In ms since the epoch. */
  readonly changedAt: number
}

/** Of the disk that the store is on. */
export interface DiskSpace {
  readonly freeBytes: number
  readonly totalBytes: number
}

export interface BlobStore {
  /** Undefined where nothing is published under this digest. */
  open(digest: Digest): Promise<StoredBlob | undefined>
  /** The same, without opening it. */
  find(digest: Digest): Promise<FoundBlob | undefined>
  /** Its first bytes; undefined where nothing is published under this digest. */
  read(digest: Digest, maxBytes: number): Promise<Uint8Array | undefined>
  /** All that is published, in the order of the digests, in batches. */
  published(): AsyncIterable<readonly Digest[]>
  /** Publishes verified content at once; resolves to its stamp. One call per digest at a time. */
  put(digest: Digest, bytes: Uint8Array): Promise<string>
  /** Starts a download, or takes up a parked one. One StagedBlob per digest at a time: the caller's duty. */
  stage(digest: Digest): Promise<StagedBlob>
  /** Takes published content that failed a check out of service and keeps it to be looked at. */
  quarantine(digest: Digest): Promise<void>
  /** Removes published content. Who reads it goes on reading. */
  remove(digest: Digest): Promise<void>
  /** Downloads under way or kept for resuming. */
  staged(): Promise<readonly KeptFile<Digest>[]>
  /** What has been written of one on disk; 0 where there is none. */
  stagedBytes(digest: Digest): Promise<number>
  /** Whether anything of a download that nobody has staged can be believed. */
  isResumable(digest: Digest): Promise<boolean>
  discardStaged(digest: Digest): Promise<void>
  /** As the disk is now. */
  quarantined(): Promise<readonly KeptFile<string>[]>
  /** What they take, as far as this process knows: no file is looked at. */
  quarantinedBytes(): Promise<number>
  removeQuarantined(name: string): Promise<void>
  /** Undefined where the system does not tell. */
  disk(): Promise<DiskSpace | undefined>
}
