// One connection whose answers are thrown away by the kernel. Node opens it and sends the requests;
// the answers are received by calls of the C library that block, each in a thread of its own.
import { once } from 'node:events'
import net from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import koffi from 'koffi'

const library = koffi.load(null) // the C library that Node itself runs on
const recv = library.func('long recv(int socket, void *buffer, size_t length, int flags)')
const fcntl = library.func('int fcntl(int descriptor, int command, ...)')

const MSG_PEEK = 0x2
const MSG_TRUNC = 0x20
const MSG_WAITALL = 0x100
const F_SETFL = 4
const BLOCKING = 0
const MAX_HEAD_BYTES = 4096
const MAX_CALL_BYTES = 2 ** 30

export class DiscardSocket {
  readonly #url: URL
  readonly #stream: Duplex
  readonly #descriptor: number

  constructor(url: string, stream: Duplex, socket: net.Socket) {
    this.#url = new URL(url)
    this.#stream = stream
    const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } }
    this.#descriptor = handle.fd
  }

  // `fields`: further ones of the request's head.
  async ask(fields: string): Promise<void> {
    const { pathname, host } = this.#url
    const sent = Promise.withResolvers<void>()
    const head = `GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\n${fields}\r\n`
    this.#stream.write(head, (error) => (error ? sent.reject(error) : sent.resolve()))
    await sent.promise
    fcntl(this.#descriptor, F_SETFL, 'int', BLOCKING)
  }

  async peekHead(): Promise<{ readonly text: string; readonly bytes: number }> {
    const buffer = Buffer.alloc(MAX_HEAD_BYTES)
    for (;;) {
      const got = await this.#receive(buffer, MAX_HEAD_BYTES, MSG_PEEK)
      const end = buffer.indexOf('\r\n\r\n') + 4
      if (end >= 4) return { text: buffer.toString('latin1', 0, end), bytes: end }
      if (got === 0 || got === MAX_HEAD_BYTES) throw new Error(`${this.#url.href}: no answer`)
    }
  }

  async discard(size: number): Promise<void> {
    const got = await this.#receive(null, size, MSG_TRUNC | MSG_WAITALL)
    if (got !== size) throw new Error(`${this.#url.href}: ${got} of ${size} bytes`)
  }

  async receive(size: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(size)
    const got = await this.#receive(buffer, size, MSG_WAITALL)
    if (got !== size) throw new Error(`${this.#url.href}: ${got} of ${size} bytes`)
    return buffer
  }

  async discardToEnd(): Promise<number> {
    let all = 0
    for (;;) {
      const got = await this.#receive(null, MAX_CALL_BYTES, MSG_TRUNC | MSG_WAITALL)
      if (got === 0) return all
      all += got
    }
  }

  async #receive(buffer: Buffer | null, length: number, flags: number): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>()
    recv.async(this.#descriptor, buffer, length, flags, (error: Error | null, got: number) =>
      error === null ? resolve(Number(got)) : reject(error),
    )
    const got = await promise
    if (got < 0) throw new Error(`${this.#url.href}: the connection broke`)
    return got
  }
}

export async function openPlain(url: string): Promise<DiscardSocket> {
  const { hostname: host, port } = new URL(url)
  const socket = net.connect({ host, port: Number(port), noDelay: true })
  socket.pause() // Node is to read nothing of it
  await once(socket, 'connect')
  return new DiscardSocket(url, socket, socket)
}

// Node decrypts until the handshake is done; what comes afterwards stays for the kernel.
export async function openTls(url: string, authority: string): Promise<DiscardSocket> {
  const { hostname: host, port } = new URL(url)
  const arrived = (length: number, buffer: Uint8Array): boolean =>
    wire.push(Buffer.from(buffer.subarray(0, length)))
  const onread = { buffer: Buffer.alloc(MAX_HEAD_BYTES), callback: arrived }
  const socket = net.connect({ host, port: Number(port), noDelay: true, onread })
  const wire = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => void socket.write(chunk, done),
  })
  await once(socket, 'connect')
  // The same for every server, whatever it likes best.
  const suite = { minVersion: 'TLSv1.3', ciphers: 'TLS_AES_128_GCM_SHA256' } as const
  const secure = tls.connect({ socket: wire, ca: authority, host, ...suite })
  await once(secure, 'secureConnect')
  socket.pause()
  return new DiscardSocket(url, secure, socket)
}
