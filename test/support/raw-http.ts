// An HTTP client down to the bytes: it reads a response at the test's pace, leaves where the test
// says, and tells how the connection ended. One request, one connection.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import type { Socket } from 'node:net'
import tls from 'node:tls'
import { BodyParser } from './body-parser.ts'

// 'complete': all that the head promised came. Otherwise how the connection broke before that.
export type Ending = 'complete' | 'fin' | 'reset' | 'left'

export interface RawRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly ca?: string // PEM of the one authority to trust, for https
}

export interface Taken {
  readonly bytes: number
  readonly ending: Ending
  readonly sha256: string | undefined // with `hash` only
}

export interface TakeOptions {
  readonly leaveAfter?: number // body bytes, then the connection is destroyed
  readonly hash?: boolean
  // Compares with what should come, from this offset of it: cheaper than hashing. Throws if wrong.
  readonly expect?: { readonly bytes: Buffer; readonly offset?: number }
  readonly onChunk?: (chunk: Buffer, received: number) => void // received: with this chunk
}

export class RawResponse implements AsyncDisposable {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  received = 0
  ending: Ending | undefined
  readonly #socket: Socket
  readonly #chunks: AsyncIterator<Buffer>
  readonly #parser: BodyParser
  #waiting: Buffer[] = []

  constructor(
    socket: Socket,
    chunks: AsyncIterator<Buffer>,
    head: string,
    rest: Buffer,
    method: string,
  ) {
    const [first = '', ...fields] = head.split('\r\n')
    this.#socket = socket
    this.#chunks = chunks
    this.status = Number(first.split(' ')[1])
    this.headers = new Map(
      fields.map((field) => {
        const colon = field.indexOf(':')
        return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()]
      }),
    )
    this.#parser = new BodyParser(this.status, this.headers, method)
    this.#waiting = this.#parser.push(rest)
    this.#settle()
  }

  // The next piece of the body; undefined when there is no more, and then `ending` is set.
  async read(): Promise<Buffer | undefined> {
    for (;;) {
      const ready = this.#waiting.shift()
      if (ready !== undefined) {
        this.received += ready.length
        return ready
      }
      if (this.ending !== undefined) return undefined
      try {
        const { done, value } = await this.#chunks.next()
        if (done === true) this.ending = this.#parser.endsWithConnection ? 'complete' : 'fin'
        else this.#waiting = this.#parser.push(value)
      } catch {
        this.ending = 'reset'
      }
      this.#settle()
    }
  }

  async take({ leaveAfter = Infinity, hash, expect, onChunk }: TakeOptions = {}): Promise<Taken> {
    const hasher = hash === true ? createHash('sha256') : undefined
    let bytes = 0
    while (bytes < leaveAfter) {
      const chunk = await this.read()
      if (chunk === undefined) break
      if (expect !== undefined) compare(expect.bytes, (expect.offset ?? 0) + bytes, chunk)
      hasher?.update(chunk)
      bytes += chunk.length
      onChunk?.(chunk, bytes)
    }
    if (this.ending === undefined) this.leave()
    const sha256 = hasher === undefined ? undefined : `sha256:${hasher.digest('hex')}`
    return { bytes, ending: this.ending ?? 'left', sha256 }
  }

  async body(): Promise<Buffer> {
    const chunks: Buffer[] = []
    for (let chunk = await this.read(); chunk !== undefined; chunk = await this.read()) {
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }

  leave(): void {
    this.ending ??= 'left'
    this.#socket.destroy()
  }

  async close(): Promise<void> {
    this.leave()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #settle(): void {
    if (this.#parser.complete) this.ending ??= 'complete'
    if (this.ending !== undefined) this.#socket.destroy()
  }
}

// Resolves when the response head is there; rejects when the connection ends before.
export async function rawRequest(url: string, request: RawRequest = {}): Promise<RawResponse> {
  const { protocol, hostname, port, host, pathname, search } = new URL(url)
  const where = { host: hostname, port: Number(port), noDelay: true }
  const isTls = protocol === 'https:'
  const ca = request.ca === undefined ? {} : { ca: request.ca }
  const socket = isTls ? tls.connect({ ...where, ...ca }) : net.connect(where)
  socket.on('error', () => {}) // read() tells
  await once(socket, isTls ? 'secureConnect' : 'connect')
  const method = request.method ?? 'GET'
  const headers = { host, connection: 'close', ...request.headers }
  const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${pathname}${search} HTTP/1.1\r\n${fields.join('')}\r\n`)

  const chunks = socket.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  for (;;) {
    const { done, value } = await chunks.next()
    if (done === true) throw new Error(`the connection ended before an answer to ${url}`)
    head = Buffer.concat([head, value as Buffer])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) continue
    const rest = head.subarray(end + 4)
    return new RawResponse(socket, chunks, head.toString('latin1', 0, end), rest, method)
  }
}

function compare(expected: Buffer, offset: number, chunk: Buffer): void {
  if (chunk.equals(expected.subarray(offset, offset + chunk.length))) return
  throw new Error(`wrong bytes in the ${chunk.length} at offset ${offset}`)
}
