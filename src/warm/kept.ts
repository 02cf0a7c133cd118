// Content that lists keep, each once, by how many names of theirs it is kept. Pure.

import type { Digest } from '../oci/digest.ts'

interface Part {
  readonly bytes: number
  names: number
}

/** What one name keeps. */
export type Content = ReadonlyMap<Digest, number>

export class Kept {
  readonly #parts = new Map<Digest, Part>()
  bytes = 0

  add(content: Content): void {
    for (const [digest, bytes] of content) {
      const part = this.#parts.get(digest) ?? { bytes, names: 0 }
      this.#parts.set(digest, part)
      if (part.names === 0) this.bytes += part.bytes
      part.names += 1
    }
  }

  /** Of what was added. */
  remove(content: Content): void {
    for (const digest of content.keys()) {
      const part = this.#parts.get(digest)
      if (!part) continue
      part.names -= 1
      if (part.names > 0) continue
      this.bytes -= part.bytes
      this.#parts.delete(digest)
    }
  }

  has(digest: Digest): boolean {
    return this.#parts.has(digest)
  }
}
