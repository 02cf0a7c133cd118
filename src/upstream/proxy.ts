// Which proxy a request goes through, if any.

import { Secret } from '../lib/secret.ts'
import { parseNoProxy } from './no-proxy.ts'
import { portOf } from './port.ts'

/** http_proxy and its kin, as in the environment. */
export interface EnvironmentProxy {
  readonly http: URL | undefined
  readonly https: URL | undefined
  readonly noProxy: string
}

export interface Proxy {
  readonly kind: 'http' | 'https' | 'socks5'
  /** Without brackets. */
  readonly hostname: string
  readonly port: number
  /** `proxy.corp:3128`, for messages. */
  readonly host: string
  readonly login: { readonly username: string; readonly password: Secret } | undefined
}

export type ProxyOf = (url: URL) => Proxy | undefined

/** `own`: what the registry itself says; undefined: as the environment says. */
export function chooseProxy(
  own: URL | 'none' | undefined,
  environment: EnvironmentProxy | undefined,
): ProxyOf {
  if (own === 'none') return () => undefined
  if (own) {
    const proxy = parseProxy(own)
    return () => proxy
  }
  if (!environment) return () => undefined
  const http = environment.http && parseProxy(environment.http)
  const https = environment.https && parseProxy(environment.https)
  const isExempt = parseNoProxy(environment.noProxy)
  return (url) => {
    const proxy = url.protocol === 'https:' ? https : http
    return proxy && !isExempt(url) ? proxy : undefined
  }
}

export function parseProxy(url: URL): Proxy {
  const kind = url.protocol === 'https:' ? 'https' : url.protocol === 'http:' ? 'http' : 'socks5'
  const port = portOf({ protocol: `${kind}:`, port: url.port })
  const username = decoded(url.username)
  const login = username ? { username, password: new Secret(decoded(url.password)) } : undefined
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  return { kind, hostname, port, host: `${url.hostname}:${port}`, login }
}

/** A stray % in a password stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Undefined for a proxy that asks for no login. */
export function proxyAuthorization({ login }: Proxy): string | undefined {
  if (!login) return undefined
  const pair = Buffer.from(`${login.username}:${login.password.reveal()}`)
  return `Basic ${pair.toString('base64')}`
}
