// A proxy that was not reached, or would not let us through. Its URL, which may hold a password, is
// never part of it.

import { STATUS_CODES } from 'node:http'
import type { Proxy } from './proxy.ts'

export class ProxyFailure extends Error {
  /** `proxy.corp:3128` */
  readonly host: string
  /** What follows `the proxy proxy.corp:3128`; undefined where `cause` is why it was not reached. */
  readonly words: string | undefined
  /** Whether the same request may well succeed a moment later. */
  readonly transient: boolean

  constructor(
    host: string,
    words: string | undefined,
    options: { transient: boolean; cause?: unknown },
  ) {
    super(`the proxy ${host} ${words ?? 'cannot be reached'}`, { cause: options.cause })
    this.host = host
    this.words = words
    this.transient = options.transient
  }
}

export const LOGIN_MISSING = 'put USER:PASSWORD@ into its URL'
export const LOGIN_WRONG = 'check the login in its URL'

/** An answer to CONNECT, or a 407 to any request. */
export function refusedByProxy(
  { host, login }: Pick<Proxy, 'host' | 'login'>,
  status: number,
  target: string,
): ProxyFailure {
  // Not in the words of the proxy, which can be any.
  const said = `answered ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()
  if (status === 407) {
    const advice = login ? LOGIN_WRONG : LOGIN_MISSING
    return new ProxyFailure(host, `${said}: ${advice}`, { transient: false })
  }
  // 403 and 405 are rules of the proxy; 502, 503 and 504 are how it says that it got nowhere.
  return new ProxyFailure(host, `${said} when asked for ${target}`, { transient: status >= 500 })
}
