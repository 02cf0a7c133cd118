// The port to stored content. One implementation today: files (blob-files.ts).

import type { Digest } from '../oci/digest.ts'
import type { Extent } from '../lib/extents.ts'

/** Published content, open for reading. */
export interface StoredBlob {
  readonly fd: number
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
  /** Writes the chunks one after another from `position` on; StoreError when the disk cannot take them. */
  write(position: number, chunks: readonly Uint8Array[]): Promise<void>
  /** Notes what is there, for a later resume. Cheap; calls made meanwhile fall together. */
  note(extents: readonly Extent[], totalBytes: number | undefined): void
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

export interface BlobStore {
  /** Undefined where nothing is published under this digest. */
  open(digest: Digest): Promise<StoredBlob | undefined>
  /** Starts a download, or takes up a parked one. One StagedBlob per digest at a time: the caller's duty. */
  stage(digest: Digest): Promise<StagedBlob>
  /** Takes published content that failed a check out of service and keeps it to be looked at. */
  quarantine(digest: Digest): Promise<void>
}
