// What a download is begun with, and what comes of it.

import type { Room } from '../care/room-port.ts'
import type { StoreError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/name.ts'
import type { StagedBlob } from '../store/blob-store.ts'
import type { Hasher } from '../store/hasher.ts'
import type { AbandonPolicy } from './abandon.ts'
import type { Pace } from './pace.ts'
import type { PassEnd } from './pass-through.ts'
import type { PieceSizes } from './pieces.ts'
import type { Open } from './sources.ts'

export interface PublishedBlob {
  readonly sizeBytes: number
  readonly stamp: string
}

export interface FillOptions {
  readonly digest: Digest
  /** Whose upstream is asked. */
  readonly repository: Repository
  /** The size a descriptor of the repository names, where one does. */
  readonly expectedBytes: number | undefined
  /** Over how many connections it may come. */
  readonly segments: number
  /** Default: PIECE_SIZES. */
  readonly pieceSizes?: PieceSizes
  /** What is kept may be of another repository: nobody is answered before upstream has given some here. */
  readonly mustAsk?: boolean
  readonly abandoned: AbandonPolicy
  readonly hasher: Hasher
  readonly room: Room
  readonly pace: Pace
  stage(): Promise<StagedBlob>
  /** What lies in staging, asked where that cannot be opened. */
  stagedBytes(): Promise<number>
  open: Open
  /**
   * Called once the content is published; readers do not wait for it. With `Fill.isAnonymous`. Where
   * it rejects, the content is not there any more.
   */
  published(blob: PublishedBlob, isAnonymous: boolean | undefined): Promise<void>
  /** What became of a reader that went on without the store. */
  passed(end: PassEnd): void
}

/**
 * How a fill ended. `unstored`: every reader could finish, but the store could not keep the content;
 * `passed`: it cannot even take it, so that readers have the rest from upstream. `parked`: nobody wanted
 * it any more; a later fill goes on from there.
 */
export type FillEnd =
  | { readonly how: 'published' | 'missing' | 'parked' }
  | { readonly how: 'passed'; readonly error: StoreError }
  | { readonly how: 'unstored' | 'failed'; readonly error: Error }
