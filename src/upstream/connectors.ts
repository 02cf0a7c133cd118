// How a connection to a host comes about: straight, or through a proxy, which resolves the name.

import { request as connectRequest } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { intoSlabs } from '../lib/receive-slabs.ts'
import { portOf } from './port.ts'
import { proxyAuthorization } from './proxy.ts'
import type { Proxy } from './proxy.ts'
import { ProxyFailure, refusedByProxy } from './proxy-failure.ts'
import type { TlsOptions } from './trust.ts'
import { buildConnector } from './undici.ts'

type Connector = buildConnector.connector
type Target = buildConnector.Options

export interface ConnectorOptions {
  /** For each leg: to the proxy, through it to the host, and TLS with the host. */
  readonly timeoutMs: number
  readonly ipFamily: 4 | 6 | undefined
  readonly userAgent: string
  /** Asked at the first TLS connection. */
  readonly tlsToHost: () => TlsOptions
  readonly tlsToProxy: () => TlsOptions
}

export function connector(proxy: Proxy | undefined, options: ConnectorOptions): Connector {
  const straight = straightConnector(options, options.tlsToHost)
  if (!proxy) return straight
  const toProxy = straightConnector(options, options.tlsToProxy)
  return (target, callback) => {
    void throughProxy(target, proxy, toProxy, straight, options).then(
      (socket) => callback(null, socket),
      (error: Error) => callback(error, null),
    )
  }
}

function straightConnector(options: ConnectorOptions, tls: () => TlsOptions): Connector {
  const { timeoutMs: timeout, ipFamily } = options
  // Docker Hub counts pulls per IPv4 address or IPv6 /64, and one of the two is often broken.
  const family = ipFamily ? { family: ipFamily } : { autoSelectFamily: true }
  const common = { timeout, ...intoSlabs(), ...family } as buildConnector.BuildOptions
  const plain = buildConnector(common)
  let secure: Connector | undefined
  return (target, callback) => {
    if (target.protocol !== 'https:') return plain(target, callback)
    secure ??= buildConnector({ ...common, allowH2: false, ...tls() })
    secure(target, (...[error, socket]) => {
      // Node tells of an alert after the handshake (that a client certificate is missing) and goes
      // on; the end of the stream would then hide it.
      socket?.once('error', (alert: Error) => socket.destroy(alert))
      if (error) callback(error, null)
      else callback(null, socket)
    })
  }
}

async function throughProxy(
  target: Target,
  proxy: Proxy,
  toProxy: Connector,
  straight: Connector,
  options: ConnectorOptions,
): Promise<Socket> {
  const socket = await reachProxy(proxy, toProxy)
  // Of an HTTP proxy a plain HTTP request is asked, not a tunnel: many allow those to port 443 only.
  if (target.protocol === 'http:' && proxy.kind !== 'socks5') return socket
  await withinTime(socket, proxy, options.timeoutMs, async () => {
    const { hostname } = target
    const host = { hostname, port: portOf(target) }
    if (proxy.kind !== 'socks5') return await openTunnel(socket, proxy, host, options.userAgent)
    const { connectSocks5 } = await import('./socks5.ts')
    await connectSocks5(socket, proxy, host, options.timeoutMs)
  })
  return target.protocol === 'http:' ? socket : dial(straight, { ...target, httpSocket: socket })
}

async function reachProxy(proxy: Proxy, toProxy: Connector): Promise<Socket> {
  const { kind, hostname, port } = proxy
  const protocol = kind === 'https' ? 'https:' : 'http:'
  try {
    return await dial(toProxy, { protocol, hostname, host: hostname, port: String(port) })
  } catch (cause) {
    throw new ProxyFailure(proxy.host, undefined, { transient: true, cause })
  }
}

function dial(connect: Connector, target: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    connect(target, (error, socket) => {
      if (error) reject(error)
      else resolve(socket)
    })
  })
}

/** Leaves no socket behind that leads nowhere. */
async function withinTime(
  socket: Socket,
  proxy: Proxy,
  timeoutMs: number,
  shakeHands: () => Promise<void>,
): Promise<void> {
  const late = new ProxyFailure(proxy.host, 'took too long to connect', { transient: true })
  const timer = setTimeout(() => socket.destroy(late), timeoutMs)
  try {
    await shakeHands()
  } catch (cause) {
    socket.destroy()
    if (cause instanceof ProxyFailure) throw cause
    throw new ProxyFailure(proxy.host, 'closed the connection', { transient: true, cause })
  } finally {
    clearTimeout(timer)
  }
}

/** CONNECT, RFC 9110 section 9.3.6. */
function openTunnel(
  socket: Socket,
  proxy: Proxy,
  { hostname, port }: { readonly hostname: string; readonly port: number },
  userAgent: string,
): Promise<void> {
  const authority = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`
  const login = proxyAuthorization(proxy)
  const headers = {
    host: authority,
    'user-agent': userAgent,
    'proxy-connection': 'keep-alive',
    ...(login !== undefined && { 'proxy-authorization': login }),
  }
  return new Promise((resolve, reject) => {
    const createConnection = (): Socket => socket
    const request = connectRequest({
      method: 'CONNECT',
      path: authority,
      headers,
      createConnection,
    })
    request.once('error', reject)
    request.once('connect', ({ statusCode = 0 }: IncomingMessage, _, early) => {
      if (early.length > 0) socket.unshift(early)
      if (statusCode >= 200 && statusCode < 300) resolve()
      else reject(refusedByProxy(proxy, statusCode, authority))
    })
    request.end()
  })
}
