// The HTTP/1.1 listener, on node:http, which Node, Bun and Deno all have. What a Web Response cannot
// do by the rules of registries is done here: Content-Length on a body that is still arriving, and
// ending a broken body with FIN.

import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { FileBody } from '../lib/byte-source.ts'
import type { Exchange } from '../lib/exchange.ts'
import type { KeyPair } from '../lib/key-pair.ts'
import { Link } from './link.ts'
import { sendBody } from './send-body.ts'
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
  readonly fetch: (request: Request, exchange: Exchange) => Response | Promise<Response>
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
  server.maxConnections = CONNECTIONS_MAX
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
  server.on('connection', track)
  const address = await listening(server, options)
  return {
    address: { host: options.host, port: address.port },
    get running() {
      return gate.running
    },
    drain: async () => {
      gate.isOpen = false
      await closed(server, () => {
        for (const socket of sockets) if (!gate.busy.has(socket)) socket.destroy()
      })
    },
    stop: async () => {
      gate.isOpen = false
      await closed(server, () => {
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
      const client = incoming.socket.remoteAddress ?? 'unknown'
      const { registry: listenerRegistry } = options
      const exchange: Exchange = { target: incoming.url ?? '/', client, listenerRegistry }
      const response = await options.fetch(request, exchange)
      if (!exchange.body) {
        // Bodies of files have a watchdog of their own, which knows when it is upstream that is slow.
        outgoing.setTimeout(options.clientIdleTimeoutMs, () => incoming.socket.destroy())
        return response
      }
      await sendFileBody(response, exchange, exchange.body, incoming, outgoing, options)
      return RESPONSE_ALREADY_SENT
    },
    { overrideGlobalObjects: true },
  )
  return (request, response) => {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
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
    void listener(request, response)
  }
}

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

/** Pipelined requests wait here for the one before, holding no buffers. */
const turns = new WeakMap<Socket, Promise<void>>()

async function sendFileBody(
  head: Response,
  exchange: Exchange,
  body: FileBody,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: ListenOptions,
): Promise<void> {
  const link = new Link(incoming)
  const before = turns.get(link.socket)
  let done = (): void => undefined
  turns.set(link.socket, new Promise((resolve) => (done = resolve)))
  let sentBytes = 0
  let isComplete = false
  try {
    await ownTurn(link, before, outgoing)
    if (link.isGone) return
    outgoing.writeHead(head.status, Object.fromEntries(head.headers))
    const idleTimeoutMs = options.clientIdleTimeoutMs
    sentBytes = await sendBody(body, outgoing, link, { idleTimeoutMs })
    if (link.isGone) return
    await link.wait((ended) => outgoing.end(ended))
    isComplete = true
  } catch {
    // Why is the source's to tell; here only the connection can still say that something is missing.
    // To HTTP/1.0 a FIN is the proper end of a body without a length: only a reset says it there.
    const isEndByFin = incoming.httpVersion === '1.0' && !head.headers.has('Content-Length')
    if (isEndByFin) link.reset()
    else link.breakOff()
  } finally {
    body.source.release()
    link.release()
    done()
    exchange.sent?.(sentBytes, isComplete)
  }
}

async function ownTurn(
  link: Link,
  before: Promise<void> | undefined,
  outgoing: ServerResponse,
): Promise<void> {
  if (before) await link.wait((ready) => void before.then(ready))
  if (outgoing.socket === null && !link.isGone) {
    await link.wait((ready) => outgoing.once('socket', ready))
  }
}

function listening(server: Server, { host, port }: ListenOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server.address() as AddressInfo)
    })
  })
}

function closed(server: Server, sweep: () => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setInterval(sweep, DRAIN_SWEEP_MS)
    server.close(() => {
      clearInterval(timer)
      resolve()
    })
    sweep()
  })
}
