// Plain HTTP and TLS on one port: the first byte of a connection tells which it is.

import type { Server } from 'node:http'
import { createServer as createAcceptor } from 'node:net'
import type { Server as Acceptor, Socket } from 'node:net'
import { createServer } from 'node:tls'
import type { KeyPair } from '../lib/key-pair.ts'

/** A TLS handshake begins with it, and no HTTP request does. */
const HANDSHAKE = 0x16
/** A client that offers HTTP/2 too gets this: links and bodies here are of HTTP/1.1. */
const PROTOCOLS = ['http/1.1']

export interface TlsPortOptions {
  readonly pair: KeyPair
  /** How long a client may take to send its first byte, and then for the handshake. */
  readonly timeoutMs: number
  /** The handshake is over: `secure` is to be served in the place of the connection below it. */
  readonly onSecure: (secure: Socket) => void
}

export interface TlsPort {
  /** What listens, closes and has the connections in the place of the HTTP server. */
  readonly acceptor: Acceptor
  /** For connections to come; those that are open keep theirs. */
  show(pair: KeyPair): void
}

const below = new WeakMap<Socket, Socket>()

/** The TCP connection of `socket`: the one below it where it is TLS, or itself. */
export function tcpOf(socket: Socket): Socket {
  return below.get(socket) ?? socket
}

/** Puts itself between the connections that `server` accepts and what it does with them. */
export function shareWithTls(server: Server, options: TlsPortOptions): TlsPort {
  const { timeoutMs, onSecure } = options
  const listeners = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  const serveHttp = (socket: Socket): void => {
    for (const listener of listeners) listener.call(server, socket)
  }
  const secureServer = createServer({
    ...contextOf(options.pair),
    ALPNProtocols: PROTOCOLS,
    handshakeTimeout: timeoutMs,
  })
  const handshakes = new Map<string, Socket>()
  const acceptTls = (socket: Socket): void => {
    const ends = endsOf(socket)
    handshakes.set(ends, socket)
    socket.once('close', () => {
      if (handshakes.get(ends) === socket) handshakes.delete(ends)
    })
    secureServer.emit('connection', socket)
  }
  secureServer.on('secureConnection', (secure) => {
    const ends = endsOf(secure)
    const socket = handshakes.get(ends)
    if (socket === undefined) return void secure.destroy()
    handshakes.delete(ends)
    below.set(secure, socket)
    onSecure(secure)
    serveHttp(secure)
  })
  secureServer.on('tlsClientError', (_error, secure) => secure.destroy())

  server.removeAllListeners('connection')
  // Bun's HTTP server takes the bytes of what it accepts where nobody can look at the first; of what
  // another server has accepted it does not.
  const acceptor = 'bun' in process.versions ? createAcceptor() : server
  acceptor.on('connection', (socket: Socket) => {
    const cut = (): void => void socket.destroy()
    socket.setTimeout(timeoutMs, cut)
    socket.once('readable', () => {
      socket.setTimeout(0, cut)
      const bytes = socket.read() as Buffer | null
      if (bytes === null) return cut()
      socket.unshift(bytes)
      if (bytes[0] === HANDSHAKE) acceptTls(socket)
      else serveHttp(socket)
    })
  })
  return { acceptor, show: (pair) => secureServer.setSecureContext(contextOf(pair)) }
}

function contextOf({ certificate, key }: KeyPair) {
  return { cert: certificate, key: key.reveal(), minVersion: 'TLSv1.2' } as const
}

/** What a TLS socket and the socket below it have in common. */
function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return [remoteAddress, remotePort, localAddress, localPort].join(' ')
}
