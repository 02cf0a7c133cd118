// Where the body of an HTTP/1.1 response ends: by Content-Length, by its chunks, or with the
// connection.
const LINE_END = Buffer.from('\r\n')

export class BodyParser {
  complete = false
  readonly endsWithConnection: boolean
  readonly #chunked: boolean
  #left: number // of the body, or of the current chunk with its line end
  #line = Buffer.alloc(0)

  constructor(status: number, headers: ReadonlyMap<string, string>, method = 'GET') {
    const length = headers.get('content-length')
    this.#chunked = /\bchunked\b/i.test(headers.get('transfer-encoding') ?? '')
    this.endsWithConnection = !this.#chunked && length === undefined
    this.#left = this.#chunked ? 0 : Number(length ?? Infinity)
    const bodiless = method === 'HEAD' || status === 204 || status === 304
    this.complete = bodiless || (!this.#chunked && this.#left === 0)
  }

  // Takes what came over the connection and gives the pieces of body in it.
  push(bytes: Buffer): Buffer[] {
    if (this.complete || bytes.length === 0) return []
    if (this.#chunked) return this.#pushChunked(bytes)
    const piece = bytes.subarray(0, Math.min(bytes.length, this.#left))
    this.#left -= piece.length
    this.complete = this.#left === 0
    return [piece]
  }

  #pushChunked(bytes: Buffer): Buffer[] {
    const pieces: Buffer[] = []
    let at = 0
    while (at < bytes.length && !this.complete) {
      if (this.#left > 0) {
        const piece = bytes.subarray(at, at + this.#left)
        at += piece.length
        // The last two bytes of #left are the chunk's line end, not body.
        const body = piece.subarray(0, Math.max(0, this.#left - LINE_END.length))
        this.#left -= piece.length
        if (body.length > 0) pieces.push(body)
        continue
      }
      const end = bytes.indexOf('\n', at)
      const stop = end < 0 ? bytes.length : end + 1
      this.#line = Buffer.concat([this.#line, bytes.subarray(at, stop)])
      at = stop
      if (end < 0) break
      const size = Number.parseInt(this.#line.toString('latin1'), 16)
      this.#line = Buffer.alloc(0)
      if (size === 0) this.complete = true
      else this.#left = size + LINE_END.length
    }
    return pieces
  }
}
