// The HTTP/1.1 listener, on node:http, which Node, Bun and Deno all have. What a Web Response cannot
// do by the rules of registries is done here: Content-Length on a body that is still arriving, and
// ending a broken body with FIN.

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Server as Acceptor, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { FileBody } from '../lib/byte-source.ts'
import type { Exchange, ReadyResponse } from '../lib/exchange.ts'
import type { KeyPair } from '../lib/key-pair.ts'
import { Link } from './link.ts'
import { sendBody } from './send-body.ts'
import type { SendOptions } from './send-body.ts'
import { sendReady } from './send-ready.ts'
import { shareWithTls, tcpOf } from './tls-port.ts'

/** Longer than any client keeps an idle connection (BuildKit: 120 s), so that clients close first. */
const KEEP_ALIVE_MS = 125_000
/** How long a client may take to send a request's head. */
const HEADERS_TIMEOUT_MS = 30_000
/** More than the clients of any office; each costs some 30 KiB even when it is idle. */
const CONNECTIONS_MAX = 10_000
/** Requests sent ahead on one connection; no client of registries sends any. */
const PIPELINED_MAX = 16
/** How often a drain closes the connections whose response has ended meanwhile. */
const DRAIN_SWEEP_MS = 100

export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** The one registry that this listener stands for, if it does. */
  readonly registry: string | undefined
  /** Serves HTTPS too, on the same port. */
  readonly tls: KeyPair | undefined
  readonly clientIdleTimeoutMs: number
  readonly sendfile: SendOptions['sendfile']
  readonly fetch: (request: Request, exchange: Exchange) => Response | Promise<Response>
  /** What `fetch` would answer, where that is known without it. */
  readonly recall?: (exchange: Exchange) => ReadyResponse | undefined
}

export interface Listener {
  readonly address: { readonly host: string; readonly port: number }
  /** Responses that have not ended yet. */
  readonly running: number
  /** Takes no new connections or requests; resolves when the running responses have ended. */
  drain(): Promise<void>
  /** Ends everything at once. */
  stop(): Promise<void>
  /** Another certificate, for new connections. */
  show(pair: KeyPair): void
}

/** Rejects with the system's error where the address cannot be listened on. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const gate: Gate = { isOpen: true, running: 0, busy: new Map() }
  const server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: 0 },
    requestListener(options, gate),
  )
  server.on('checkContinue', (request, response: ServerResponse) =>
    server.emit('request', request, response),
  )
  const sockets = new Set<Socket>()
  const track = (socket: Socket): void => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => sockets.delete(socket))
  }
  const tlsPort =
    options.tls &&
    shareWithTls(server, {
      pair: options.tls,
      timeoutMs: HEADERS_TIMEOUT_MS,
      onSecure: (secure) => {
        sockets.delete(tcpOf(secure))
        track(secure)
      },
    })
  const acceptor = tlsPort?.acceptor ?? server
  acceptor.maxConnections = CONNECTIONS_MAX
  acceptor.on('connection', track)
  const address = await listening(acceptor, options)
  return {
    address: { host: options.host, port: address.port },
    get running() {
      return gate.running
    },
    drain: async () => {
      gate.isOpen = false
      await closed(acceptor, () => {
        for (const socket of sockets) if (!gate.busy.has(socket)) socket.destroy()
      })
    },
    stop: async () => {
      gate.isOpen = false
      await closed(acceptor, () => {
        for (const socket of sockets) socket.destroy()
      })
    },
    show: (pair) => tlsPort?.show(pair),
  }
}

type Gate = { isOpen: boolean; running: number; busy: Map<Socket, number> }

function requestListener(
  options: ListenOptions,
  gate: Gate,
): (request: IncomingMessage, response: ServerResponse) => void {
  const listener = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as { incoming: IncomingMessage; outgoing: ServerResponse }
      const exchange = exchangeOf(incoming, options)
      // In the order of the requests: another answer may be found first.
      const turn = takeTurn(incoming.socket)
      try {
        const response = await options.fetch(request, exchange)
        if (!exchange.body) {
          // Bodies of files have a watchdog of their own, which knows when it is upstream that is slow.
          outgoing.setTimeout(options.clientIdleTimeoutMs, () => incoming.socket.destroy())
          return response
        }
        const link = new Link(incoming)
        await ownTurn(link, turn, outgoing)
        await sendFileBody(response, exchange, exchange.body, link, outgoing, options)
        return RESPONSE_ALREADY_SENT
      } finally {
        turn.end()
      }
    },
    { overrideGlobalObjects: true },
  )
  return (request, response) => {
    request.on('error', ignore)
    response.on('error', ignore)
    // Deno does not take the next request while a body is unread.
    request.resume()
    if (!gate.isOpen) return refuse(response)
    const { socket } = request
    const waiting = gate.busy.get(socket) ?? 0
    if (waiting >= PIPELINED_MAX) return void socket.destroy()
    gate.busy.set(socket, waiting + 1)
    gate.running += 1
    response.once('close', () => {
      gate.running -= 1
      const left = (gate.busy.get(socket) ?? 1) - 1
      if (left > 0) gate.busy.set(socket, left)
      else gate.busy.delete(socket)
    })
    // With no Request, Response, promise or route a manifest took 30 µs of CPU, not 160 to 250.
    const ready = options.recall?.(exchangeOf(request, options))
    if (ready) return sendReady(ready, response, options.clientIdleTimeoutMs)
    void listener(request, response)
  }
}

function exchangeOf(request: IncomingMessage, { registry }: ListenOptions): Exchange {
  const { method = 'GET', url = '/', headers, socket } = request
  return {
    method,
    target: url,
    host: headers.host,
    ifNoneMatch: headers['if-none-match'],
    client: socket.remoteAddress ?? 'unknown',
    listenerRegistry: registry,
  }
}

function ignore(): void {}

function refuse(response: ServerResponse): void {
  const body = '{"errors":[{"code":"UNAVAILABLE","message":"the mirror is shutting down"}]}'
  response.writeHead(503, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'Retry-After': '5',
    Connection: 'close',
  })
  response.end(body)
}

/** Pipelined requests wait here for those before, holding no buffers. */
const turns = new WeakMap<Socket, Promise<void>>()

interface Turn {
  /** Undefined for the first request of a connection. */
  readonly before: Promise<void> | undefined
  end(): void
}

function takeTurn(socket: Socket): Turn {
  const before = turns.get(socket)
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  turns.set(socket, before ? before.then(() => ended) : ended)
  return { before, end }
}

async function ownTurn(link: Link, { before }: Turn, outgoing: ServerResponse): Promise<void> {
  if (before) await link.wait((ready) => void before.then(ready))
  if (outgoing.socket === null && !link.isGone) {
    await link.wait((ready) => outgoing.once('socket', ready))
  }
}

async function sendFileBody(
  head: Response,
  exchange: Exchange,
  body: FileBody,
  link: Link,
  outgoing: ServerResponse,
  options: ListenOptions,
): Promise<void> {
  let sentBytes = 0
  let isComplete = false
  try {
    if (link.isGone) return
    outgoing.writeHead(head.status, Object.fromEntries(head.headers))
    const { clientIdleTimeoutMs: idleTimeoutMs, sendfile } = options
    const sent = await sendBody(body, outgoing, link, { idleTimeoutMs, sendfile })
    sentBytes = sent.sentBytes
    if (link.isGone) return
    if (sent.isBrokenOff) return endBroken(head, link, outgoing)
    await link.wait((ended) => outgoing.end(ended))
    isComplete = true
  } finally {
    body.source.release()
    link.release()
    exchange.sent?.(sentBytes, isComplete)
  }
}

/**
 * Why is the source's to tell; here only the connection can still say that something is missing. To
 * HTTP/1.0 a FIN is the proper end of a body without a length: only a reset says it there.
 */
function endBroken(head: Response, link: Link, { req }: ServerResponse): void {
  const isEndByFin = req.httpVersion === '1.0' && !head.headers.has('Content-Length')
  if (isEndByFin) link.reset()
  else link.breakOff()
}

function listening(server: Acceptor, { host, port }: ListenOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server.address() as AddressInfo)
    })
  })
}

function closed(server: Acceptor, sweep: () => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(sweep, DRAIN_SWEEP_MS)
    server.close(() => {
      clearInterval(timer)
      resolve()
    })
    sweep()
  })
}
