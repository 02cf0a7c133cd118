import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import net from 'node:net'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import tls from 'node:tls'
import { shareWithTls } from '../../../src/runtime/tls-port.ts'
import { issueAuthority, issueServer } from '../../../src/tls/x509.ts'
import { closeServer, listen, trackSockets } from '../../support/net-ports.ts'

const authority = issueAuthority('tests', Date.now())
const pair = issueServer(authority, ['127.0.0.1'], Date.now())
const REQUEST = 'GET / HTTP/1.1\r\nHost: box\r\nConnection: close\r\n\r\n'

class Port implements AsyncDisposable {
  readonly port: number
  readonly #server: net.Server
  readonly #sockets: Set<Socket>

  private constructor(port: number, server: net.Server, sockets: Set<Socket>) {
    this.port = port
    this.#server = server
    this.#sockets = sockets
  }

  static async open(timeoutMs = 30_000): Promise<Port> {
    const server = createServer((request, response) => {
      response.end('encrypted' in request.socket ? 'by tls' : 'plain')
    })
    shareWithTls(server, { pair, timeoutMs, onSecure: () => undefined })
    const sockets = trackSockets(server)
    return new Port(await listen(server), server, sockets)
  }

  /** A second listener for the same server. */
  async another(): Promise<Port> {
    const door = net.createServer((socket) => this.#server.emit('connection', socket))
    const sockets = trackSockets(door)
    return new Port(await listen(door), door, sockets)
  }

  async connect(): Promise<Socket> {
    const socket = net.connect({ port: this.port, host: '127.0.0.1', noDelay: true })
    await once(socket, 'connect')
    return socket
  }

  [Symbol.asyncDispose](): Promise<void> {
    return closeServer(this.#server, this.#sockets)
  }
}

async function all(socket: Socket): Promise<string> {
  let received = ''
  socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')))
  await once(socket, 'close')
  return received
}

// Lets each piece arrive alone.
async function writeByByte(socket: Socket, bytes: Buffer): Promise<void> {
  for (const byte of bytes) {
    socket.write(Buffer.from([byte]))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function takeApart(from: Socket, to: Socket): Promise<void> {
  for await (const bytes of from) await writeByByte(to, bytes as Buffer)
  to.end()
}

test('a plain request that comes byte by byte loses none', async () => {
  await using port = await Port.open()
  const socket = await port.connect()
  const received = all(socket)
  await writeByByte(socket, Buffer.from(REQUEST))
  assert.match(await received, /^HTTP\/1\.1 200 [^]*plain$/)
})

test('a TLS hello that comes byte by byte loses none', async () => {
  await using port = await Port.open()
  const socket = await port.connect()
  // The handshake through a pipe of the test's own, which takes it apart.
  const pipe = net.createServer((inner) => {
    inner.on('error', () => undefined)
    socket.pipe(inner)
    void takeApart(inner, socket)
  })
  const host = '127.0.0.1'
  const secure = tls.connect({ host, port: await listen(pipe), ca: authority.certificate })
  await once(secure, 'secureConnect')
  const received = all(secure)
  secure.write(REQUEST)
  assert.match(await received, /^HTTP\/1\.1 200 [^]*by tls$/)
  pipe.close()
})

// From one source port to two addresses of the box, as a client may behind a translating router.
test('two handshakes at once from one port of one client are two connections', async () => {
  await using port = await Port.open()
  await using other = await port.another()
  const local = { host: '127.0.0.1', localAddress: '127.0.0.1' }
  const first = net.connect({ ...local, port: port.port })
  await once(first, 'connect')
  const second = net.connect({ ...local, port: other.port, localPort: first.localPort ?? 0 })
  await once(second, 'connect')
  const received = [first, second].map((socket) => {
    const secure = tls.connect({ socket, host: '127.0.0.1', ca: authority.certificate })
    secure.write(REQUEST)
    return all(secure)
  })
  for (const answer of await Promise.all(received)) {
    assert.match(answer, /^HTTP\/1\.1 200 [^]*by tls$/)
  }
})

for (const [what, bytes] of [
  ['nothing', Buffer.alloc(0)],
  ['the beginning of a TLS hello', Buffer.from([0x16, 3, 1, 2, 0, 1])],
] as const) {
  test(`who sends ${what} and then is silent is cut`, async () => {
    await using port = await Port.open(50)
    const socket = await port.connect()
    socket.write(bytes)
    assert.equal(await all(socket), '')
  })
}

test('who connects and leaves without a byte is let go', async () => {
  await using port = await Port.open()
  const socket = await port.connect()
  socket.end()
  assert.equal(await all(socket), '')
})

test('who speaks nothing older than TLS 1.2 understands is refused', async () => {
  await using port = await Port.open()
  const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' } as const
  const socket = tls.connect({ port: port.port, host: '127.0.0.1', ...old })
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION')
})
