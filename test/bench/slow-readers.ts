// Clients that take what they asked for slowly, until they are closed: each a response that the server
// has to keep open, and may keep nothing for.
import { once } from 'node:events'
import net from 'node:net'

const PIECE_BYTES = 64 * 1024

export interface SlowRead {
  readonly url: string
  readonly from?: number // with a Range, from here to the end
}

export class SlowReaders implements AsyncDisposable {
  readonly #sockets: net.Socket[] = []
  bytes = 0 // that all of them got so far
  readonly #pauseMs: number

  private constructor(bytesPerSecond: number) {
    this.#pauseMs = (PIECE_BYTES * 1000) / bytesPerSecond
  }

  // Each has got its first bytes then.
  static async begin(reads: readonly SlowRead[], bytesPerSecond: number): Promise<SlowReaders> {
    const readers = new SlowReaders(bytesPerSecond)
    try {
      await Promise.all(reads.map((read) => readers.#read(read)))
      return readers
    } catch (error) {
      await readers.close()
      throw error
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #read({ url, from }: SlowRead): Promise<void> {
    const { hostname, port, host, pathname } = new URL(url)
    const first = Promise.withResolvers<string>()
    const socket = net.connect({
      ...{ host: hostname, port: Number(port) },
      onread: {
        buffer: Buffer.allocUnsafeSlow(PIECE_BYTES),
        callback: (length, buffer) => {
          this.bytes += length
          first.resolve(Buffer.from(buffer.subarray(0, length)).toString('latin1'))
          setTimeout(() => socket.resume(), this.#pauseMs)
          return false
        },
      },
    })
    this.#sockets.push(socket)
    socket.on('error', first.reject)
    await once(socket, 'connect')
    const range = from === undefined ? '' : `range: bytes=${from}-\r\n`
    socket.write(`GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\n${range}\r\n`)
    const head = await first.promise
    const status = from === undefined ? 200 : 206
    if (!head.startsWith(`HTTP/1.1 ${status}`))
      throw new Error(`${pathname}: ${head.split('\r\n')[0]}`)
  }
}
