// The way through a SOCKS5 proxy (RFC 1928, 1929): the library talks, what fails is in our words.

import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SocksClient } from 'socks'
import type { Proxy } from './proxy.ts'
import { LOGIN_MISSING, LOGIN_WRONG, ProxyFailure } from './proxy-failure.ts'

const TEXT_MAX_BYTES = 255

interface Target {
  readonly hostname: string
  readonly port: number
}

/** What a proxy answers to CONNECT when it does not connect, and whether it may do so later. */
const REFUSALS: Readonly<Record<string, readonly [words: string, transient: boolean]>> = {
  Failure: ['failed', true],
  NotAllowed: ['does not allow it', false],
  NetworkUnreachable: ['found the network unreachable', true],
  HostUnreachable: ['found the host unreachable', true],
  ConnectionRefused: ['was refused the connection', true],
  TTLExpired: ['lost its packets on the way', true],
  CommandNotSupported: ['knows no CONNECT', false],
  AddressNotSupported: ['knows no addresses of this kind', false],
  // What the library makes of a number that it does not know.
  undefined: ['gave an unknown answer', false],
}

/** Resolves when `socket` leads to the target. A name is given as it is: the proxy resolves it. */
export async function connectSocks5(
  socket: Socket,
  proxy: Proxy,
  target: Target,
  timeoutMs: number,
): Promise<void> {
  const userId = shortText(proxy.login?.username ?? '', proxy)
  const password = shortText(proxy.login?.password.reveal() ?? '', proxy)
  const { remoteHost } = await SocksClient.createConnection({
    command: 'connect',
    existing_socket: socket,
    proxy: { type: 5, host: proxy.hostname, port: proxy.port, userId, password },
    destination: { host: shortText(target.hostname, proxy), port: target.port },
    timeout: timeoutMs,
  }).catch((error: Error) => {
    // Never as the cause: the library's errors carry the password.
    throw socket.errored ?? failureOf(error.message, proxy, target)
  })
  // The library takes an address of an unknown kind for a yes.
  if (!remoteHost) throw notSocks(proxy)
  await keepEarlyBytes(socket)
}

/** The library throws where nobody can catch it when a text does not fit. */
function shortText(text: string, proxy: Proxy): string {
  if (Buffer.byteLength(text) <= TEXT_MAX_BYTES) return text
  const words = `cannot be given a name, a user or a password of more than ${TEXT_MAX_BYTES} bytes`
  throw new ProxyFailure(proxy.host, words, { transient: false })
}

/**
 * What came together with the proxy's answer: the library gives it as an event, one turn later,
 * but HTTP and TLS read from the socket.
 */
async function keepEarlyBytes(socket: Socket): Promise<void> {
  const giveBack = (bytes: Buffer): unknown => socket.unshift(bytes)
  // While someone waits for 'readable', the library's resume() makes nothing flow away.
  const hold = (): void => {}
  socket.on('readable', hold).on('data', giveBack)
  await nextTurn()
  socket.off('data', giveBack).off('readable', hold)
}

/** The library tells failures apart by its sentences only. */
function failureOf(said: string, proxy: Proxy, target: Target): ProxyFailure {
  const { host, login } = proxy
  const reply = /proxy rejected connection - (\w+)$/.exec(said)?.[1]
  const refusal = reply === undefined ? undefined : REFUSALS[reply]
  if (refusal) {
    const [words, transient] = refusal
    const what = `${words} when asked for ${target.hostname}:${target.port}`
    return new ProxyFailure(host, what, { transient })
  }
  if (/authentication/i.test(said)) {
    const refused = said.endsWith('failed')
      ? `refused the login: ${LOGIN_WRONG}`
      : 'takes no password'
    const words = login ? refused : `wants a login: ${LOGIN_MISSING}`
    return new ProxyFailure(host, words, { transient: false })
  }
  if (said === 'Socket closed') {
    const words = 'closed the connection before it led anywhere'
    return new ProxyFailure(host, words, { transient: true })
  }
  return notSocks(proxy)
}

function notSocks(proxy: Proxy): ProxyFailure {
  return new ProxyFailure(proxy.host, 'does not speak SOCKS5', { transient: false })
}
