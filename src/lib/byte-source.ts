// What a response body is made of: slices of a file that may still be growing, or bytes that no file has.
// The mirror makes sources, a runtime sends them; neither knows the other.

/** The `fd` of a source that has no file: nothing of it is ever available. */
export const NO_FILE = -1

/** Bytes of one file, read by position. While a download runs, more of them become available. */
export interface ByteSource {
  /** Valid until `release`; read with explicit positions, never closed by the reader. */
  readonly fd: number
  /** The size of the whole, once it is known; a source without one is sent until `available` says end. */
  readonly sizeBytes: number | undefined
  /** How many bytes may be read from `position` on now. 0 means: wait for `arrived`, or it is the end. */
  available(position: number): number
  /**
   * Resolves when bytes at `position` may be read, or when the source turns out to end there, or to
   * have the rest elsewhere. Rejects when they will never come: the response then has to end as broken.
   */
  arrived(position: number): Promise<void>
  /**
   * `[position, end)`, without `end` to wherever the content ends, where the file will never have it;
   * undefined while it may. `unreadable` is what reading the file there failed with. At most one
   * iteration at a time; `release` ends it. It throws where it cannot go on.
   */
  elsewhere?(
    position: number,
    end: number | undefined,
    unreadable: Error | undefined,
  ): AsyncIterable<Uint8Array> | undefined
  /** Called exactly once, when the response is over, however it ended. */
  release(): void
}

/** Literal bytes, or `[start, end)` of the source; without `end` to wherever the source ends. */
export type BodyPart = Uint8Array | { readonly start: number; readonly end?: number }

export interface FileBody {
  readonly source: ByteSource
  readonly parts: readonly BodyPart[]
}
