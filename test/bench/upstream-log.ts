// What the upstream sent for a blob, from its own access log: counting there costs nothing, a proxy
// in between would cost as much as what is measured.
import type { Program } from '../support/process.ts'

export interface Fetches {
  readonly requests: number
  readonly bytes: number
}

// ... "GET /v2/NAME/blobs/DIGEST HTTP/1.1" 200 BYTES ...
const REQUEST = /"[A-Z]+ \S+ HTTP\/1\.1" \d+ /
const ACCESS = /"GET (\S+) HTTP\/1\.1" \d+ (\d+)/

export class UpstreamLog {
  readonly #lines: readonly string[]

  constructor({ lines }: Program) {
    this.#lines = lines.stdout
  }

  // To be given to `fetchesSince`.
  mark(): number {
    return this.#lines.length
  }

  // Of every kind.
  requestsSince(mark: number): number {
    return this.#lines.slice(mark).filter((line) => REQUEST.test(line)).length
  }

  fetchesSince(mark: number, digest: string): Fetches {
    const sizes = this.#lines.slice(mark).flatMap((line) => {
      const [, url, bytes] = ACCESS.exec(line) ?? []
      return url?.endsWith(`/blobs/${digest}`) === true ? [Number(bytes)] : []
    })
    return { requests: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
  }
}
