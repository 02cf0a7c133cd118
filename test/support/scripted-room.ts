// Room as a test says: without end, or so many bytes in all, with what was asked of it.
import type { Reservation, Room } from '../../src/care/room-port.ts'
import type { Digest } from '../../src/oci/digest.ts'

type Left = Parameters<Reservation['settle']>[0]

export class ScriptedRoom implements Room {
  limitBytes: number
  readonly settled: { readonly digest: Digest; readonly left: Left; readonly bytes: number }[] = []
  readonly reserved: number[] = []
  readonly used = new Map<Digest, number>()
  readonly gone = new Map<Digest, Promise<void>>()
  #takenBytes = 0

  constructor(limitBytes = Infinity) {
    this.limitBytes = limitBytes
  }

  get takenBytes(): number {
    return this.#takenBytes
  }

  async reserve(digest: Digest, bytes: number): Promise<Reservation | undefined> {
    this.reserved.push(bytes)
    if (!this.#take(bytes)) return undefined
    let held = bytes
    return {
      grow: async (wanted) => {
        this.reserved.push(wanted)
        if (!this.#take(wanted - held)) return false
        held = wanted
        return true
      },
      settle: (left, leftBytes) => {
        this.#takenBytes += leftBytes - held
        this.settled.push({ digest, left, bytes: leftBytes })
      },
    }
  }

  use(digest: Digest): () => void {
    this.used.set(digest, (this.used.get(digest) ?? 0) + 1)
    return () => this.used.set(digest, (this.used.get(digest) ?? 0) - 1)
  }

  removing(digest: Digest): Promise<void> | undefined {
    return this.gone.get(digest)
  }

  pinnable(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  #take(bytes: number): boolean {
    if (this.#takenBytes + bytes > this.limitBytes) return false
    this.#takenBytes += bytes
    return true
  }
}
