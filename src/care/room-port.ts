// The port to the room that the store has: whoever stores content asks here first.

import type { Digest } from '../oci/digest.ts'
import type { ListedPin } from '../store/reader-port.ts'

export interface Room {
  /**
   * Room for so many bytes of this content, made by evicting others where that helps. Undefined where
   * it cannot be had, within a bounded time: then the content is passed through unstored. A parked
   * download of the same digest is counted in, and is not evicted from here on. Never throws.
   * `at-once`: only where it is there now; nothing is evicted for it, and nobody waited for.
   */
  reserve(digest: Digest, bytes: number, how?: 'at-once'): Promise<Reservation | undefined>
  /** Stored content is being read: it is not evicted before the returned function is called, once. */
  use(digest: Digest): () => void
  /** Undefined, except while this content is just being removed: then resolves when it is gone. */
  removing(digest: Digest): Promise<void> | undefined
  /** What lists may keep; undefined where neither a limit nor the disk tells. */
  pinnable(): Promise<Pinnable | undefined>
}

export interface Pinnable {
  /** In all. */
  readonly maxBytes: number
  /** `80 % of --max-size 200GiB`. */
  readonly share: string
  /** What to do for more. */
  readonly remedy: string
  /** What lists keep now, by name; also what has left its list and not been let go yet. */
  readonly kept: readonly ListedPin[]
}

/** To be settled once. */
export interface Reservation {
  /** Room for so many bytes in all; false where there is none: the old reservation stands. */
  grow(bytes: number): Promise<boolean>
  /**
   * The download is over, and this is what it left on disk: published content (whose row is there),
   * a parked download (which may be evicted), or nothing.
   */
  settle(left: 'published' | 'parked' | 'nothing', bytes: number): void
}
