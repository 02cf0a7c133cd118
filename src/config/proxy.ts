// Proxies on the way to registries: `URL` or `none`, and http_proxy and its kin.

import { HIDDEN } from '../lib/secret.ts'
import type { EnvironmentProxy } from './config.ts'
import type { Parsed } from './parsed.ts'
import type { Home } from './paths.ts'
import { quote } from './wording.ts'

export interface EnvironmentProxyReading {
  readonly proxy: EnvironmentProxy
  /** The variable that decided each. */
  readonly origins: Readonly<Record<keyof EnvironmentProxy, string | undefined>>
  readonly problems: readonly string[]
}

const FORMS = 'write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT'

export function parseProxy(text: string): Parsed<URL | 'none'> {
  return text.trim().toLowerCase() === 'none' ? { value: 'none' } : parseProxyUrl(text.trim())
}

/** What cannot be understood is not repeated: there may be a password anywhere in it. */
function parseProxyUrl(text: string): Parsed<URL> {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? []
  if (scheme === undefined) return { problem: `is not a proxy’s URL: ${FORMS}` }
  if (!/^(?:https?|socks5h?)$/i.test(scheme)) {
    return {
      problem: `${quote(`${scheme}://`)} is no kind of proxy that regmirror knows: ${FORMS}`,
    }
  }
  const plain = text.replace(/^socks5h:/i, 'socks5:')
  if (!URL.canParse(plain)) return { problem: `is not a proxy’s URL: ${FORMS}` }
  const url = new URL(plain)
  if (url.hostname === '') return { problem: `names no host: ${FORMS}` }
  if (!['', '/'].includes(url.pathname) || url.search !== '' || url.hash !== '') {
    return { problem: `${quote(formatProxy(url))} is followed by a path, which a proxy has not` }
  }
  if (url.username === HIDDEN || url.password === HIDDEN) {
    return {
      problem: `${quote(HIDDEN)} stands where regmirror hid a login: write the login itself`,
    }
  }
  return { value: url }
}

/** Without the login in it. */
export function formatProxy(proxy: URL | 'none'): string {
  if (proxy === 'none') return proxy
  const login = proxy.username === '' && proxy.password === '' ? '' : `${HIDDEN}@`
  return `${proxy.protocol}//${login}${proxy.host}`
}

/** Lower case counts before upper case, as in curl; ALL_PROXY where the specific one is missing. */
export function readEnvironmentProxy({ env }: Pick<Home, 'env'>): EnvironmentProxyReading {
  const variableOf = (...names: string[]) =>
    names.flatMap((name) => [name, name.toUpperCase()]).find((name) => env[name]?.trim())
  const origins = {
    http: variableOf('http_proxy', 'all_proxy'),
    https: variableOf('https_proxy', 'all_proxy'),
    noProxy: variableOf('no_proxy'),
  }
  const parsed = (variable: string | undefined) =>
    variable === undefined ? undefined : parseEnvironmentUrl(env[variable]?.trim() ?? '')
  const [http, https] = [parsed(origins.http), parsed(origins.https)]
  const valueOf = (one: Parsed<URL> | undefined) => (one && 'value' in one ? one.value : undefined)
  const problemOf = (variable: string | undefined, one: Parsed<URL> | undefined) =>
    one && 'problem' in one ? [`${variable}: ${one.problem}`] : []
  return {
    proxy: {
      http: valueOf(http),
      https: valueOf(https),
      noProxy: origins.noProxy === undefined ? '' : (env[origins.noProxy]?.trim() ?? ''),
    },
    origins,
    problems: [...new Set([...problemOf(origins.http, http), ...problemOf(origins.https, https)])],
  }
}

/** The scheme may be missing there: Go and curl take http. */
function parseEnvironmentUrl(text: string): Parsed<URL> {
  return parseProxyUrl(text.includes('://') ? text : `http://${text}`)
}
