// The room that one download takes in the store, grown as its size becomes known.

import type { Reservation, Room } from '../care/room-port.ts'
import { StoreError } from '../errors.ts'
import { formatBytes } from '../lib/units.ts'
import type { Digest } from '../oci/digest.ts'

/** While nobody has told a size. What evicts others must be no more than what may really come. */
const FIRST_STEP_BYTES = 1024 * 1024
/** Each step doubles what is taken, up to this much more. */
const STEP_MAX_BYTES = 64 * 1024 * 1024

export class TakenRoom {
  readonly #digest: Digest
  readonly #reservation: Reservation
  #bytes: number

  private constructor(digest: Digest, reservation: Reservation, bytes: number) {
    this.#digest = digest
    this.#reservation = reservation
    this.#bytes = bytes
  }

  /** Throws StoreError 'no-room'. */
  static async take(room: Room, digest: Digest, sizeBytes: number | undefined): Promise<TakenRoom> {
    const bytes = sizeBytes ?? FIRST_STEP_BYTES
    const reservation = await room.reserve(digest, bytes)
    if (!reservation) throw noRoom(digest, sizeBytes)
    return new TakenRoom(digest, reservation, bytes)
  }

  /** Makes it as large as the content is. Throws StoreError 'no-room'. */
  async cover(sizeBytes: number): Promise<void> {
    if (!(await this.#grow(sizeBytes))) throw noRoom(this.#digest, sizeBytes)
  }

  /**
   * Makes it large enough for what has come by now: for all, where that is known. Not before it is
   * needed: a body that waits unread is lost when its connection breaks. Throws StoreError 'no-room'.
   */
  async reach(position: number, sizeBytes: number | undefined): Promise<void> {
    if (position <= this.#bytes) return
    const step = this.#bytes + Math.min(this.#bytes, STEP_MAX_BYTES)
    const isEnough = await this.#grow(sizeBytes ?? Math.max(position, step))
    if (!isEnough) throw noRoom(this.#digest, sizeBytes)
  }

  async #grow(bytes: number): Promise<boolean> {
    if (bytes <= this.#bytes) return true
    if (!(await this.#reservation.grow(bytes))) return false
    this.#bytes = bytes
    return true
  }

  settle(left: Parameters<Reservation['settle']>[0], bytes: number): void {
    this.#reservation.settle(left, bytes)
  }
}

function noRoom(digest: Digest, sizeBytes: number | undefined): StoreError {
  const what = sizeBytes === undefined ? digest : `the ${formatBytes(sizeBytes)} of ${digest}`
  return new StoreError('no-room', `the store has no room for ${what}`)
}
