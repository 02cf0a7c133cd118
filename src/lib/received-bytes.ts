// What all downloads of the process have received and not written yet: one bound, however many they are.

const MIB = 1024 * 1024

/**
 * Of all downloads; past it each holds its share only. Eight at their own bounds fill it. What undici and
 * the socket keep is not in it: up to a read each, of each download (receive-slabs.ts).
 */
const RECEIVED_BYTES_MAX = 4 * MIB
/** One read: who holds nothing may always take one, so every download gets on. */
const SHARE_BYTES = 64 * 1024

/** What one of many holds. */
export interface Holding {
  add(bytes: number): void
  remove(bytes: number): void
  /** Whatever it still holds is held no more. */
  end(): void
  /** Nothing is to be added before some is removed: it holds so much, or its share while the whole is full. */
  isFull(ownMaxBytes: number): boolean
}

/** A bound over many, each of which may hold its share even where the others hold all. */
export class SharedBound {
  readonly #maxBytes: number
  readonly #shareBytes: number
  #heldBytes = 0

  constructor(maxBytes: number, shareBytes: number) {
    this.#maxBytes = maxBytes
    this.#shareBytes = shareBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  holding(): Holding {
    let ownBytes = 0
    const change = (bytes: number): void => {
      ownBytes += bytes
      this.#heldBytes += bytes
    }
    return {
      add: change,
      remove: (bytes) => change(-bytes),
      end: () => change(-ownBytes),
      isFull: (ownMaxBytes) => {
        const hasRoom = this.#heldBytes < this.#maxBytes
        return ownBytes >= (hasRoom ? ownMaxBytes : Math.min(this.#shareBytes, ownMaxBytes))
      },
    }
  }
}

export const received = new SharedBound(RECEIVED_BYTES_MAX, SHARE_BYTES)
