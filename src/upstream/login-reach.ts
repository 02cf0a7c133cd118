// Which hosts may see a login, or what was got with it.

import { getDomain } from 'tldts'
import { reachOf } from './address.ts'
import { knownRealmHosts } from './quirks.ts'
import { isTrusted } from './trusted-hosts.ts'

export interface LoginSite {
  /** Its canonical name. */
  readonly registry: string
  readonly endpoint: URL
  readonly trustedHosts: readonly string[]
}

/**
 * The same host: at the same port, or where http has become https at the usual ones. The login itself
 * and tokens got with it go nowhere else: a redirect is somebody else's address.
 */
export function isSameHost(url: URL, home: URL): boolean {
  if (url.origin === home.origin) return true
  const isUpgrade = home.protocol === 'http:' && url.protocol === 'https:'
  return isUpgrade && url.hostname === home.hostname && url.port === '' && home.port === ''
}

/**
 * A token server may be asked with the login where it belongs to the registry: it has the same host,
 * the same registrable domain, is known to be the registry's, or the operator trusts it.
 */
export function loginMayGoTo(realm: URL, { registry, endpoint, trustedHosts }: LoginSite): boolean {
  if (realm.protocol !== 'https:' && endpoint.protocol !== 'http:') return false
  if (realm.hostname === endpoint.hostname || isTrusted(realm, trustedHosts)) return true
  // An address tells nothing about whose it is.
  if (reachOf(realm) !== 'public') return false
  const known = [registry, endpoint.hostname].flatMap(knownRealmHosts)
  if (known.includes(realm.hostname) && realm.protocol === 'https:') return true
  return isSameSite(realm.hostname, endpoint.hostname)
}

/** Of several endpoints, those that belong to the last, the origin, whose login it is. */
export function loginMayStartAt(endpoint: URL, origin: URL, site: Omit<LoginSite, 'endpoint'>) {
  return endpoint === origin || loginMayGoTo(endpoint, { ...site, endpoint: origin })
}

function isSameSite(one: string, other: string): boolean {
  const domain = getDomain(one, { allowPrivateDomains: true })
  return domain !== null && domain === getDomain(other, { allowPrivateDomains: true })
}
