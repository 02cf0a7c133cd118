// Where a challenge may send us for a token, and what for.

import type { RepositoryName } from '../oci/name.ts'
import { mayReach } from './address.ts'
import type { BearerChallenge } from './challenge.ts'
import type { HeldLogin } from './logins.ts'
import type { Home } from './redirects.ts'

/** What a token is asked with, and known by. */
export interface TokenGrant {
  readonly realm: URL
  readonly service: string | undefined
  /** Several scopes are separated by spaces, as in the challenge; none: to try the login only. */
  readonly scope: string
  /** Whose token it is; undefined: anybody's. */
  readonly held?: HeldLogin
}

/** Undefined where the realm is not one that we may be sent to. */
export function resolveRealm(
  realm: string,
  from: URL,
  { endpoint, trustedHosts }: Home,
): URL | undefined {
  const url = URL.parse(realm, from.href)
  if (!url) return undefined
  const secureEnough =
    url.protocol === 'https:' || (url.protocol === 'http:' && endpoint.protocol === 'http:')
  if (!secureEnough || !mayReach(url, endpoint, trustedHosts)) return undefined
  url.username = ''
  url.password = ''
  url.hash = ''
  return url
}

/**
 * The scope of a real request is believed verbatim (public.ecr.aws wants `aws`); that of a ping never
 * (ghcr.io's says `repository:user/image:pull`), so the caller drops it there.
 */
export function grantFor(
  challenge: BearerChallenge,
  realm: URL,
  requestUrl: URL,
  repository: RepositoryName | undefined,
): TokenGrant {
  const scope = challenge.scope ?? `repository:${repositoryAt(requestUrl) ?? repository}:pull`
  return { realm, service: challenge.service, scope }
}

/** registry.k8s.io redirects to a host where the same image has another name, and which may challenge. */
function repositoryAt(url: URL): string | undefined {
  return /\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url.pathname)?.[1]
}

export function tokenUrl(grant: TokenGrant): URL {
  const url = new URL(grant.realm)
  if (grant.service !== undefined) url.searchParams.set('service', grant.service)
  for (const scope of grant.scope.split(/\s+/)) {
    if (scope !== '') url.searchParams.append('scope', scope)
  }
  return url
}
