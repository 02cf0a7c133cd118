// How a login is to be used for what a registry asks.

import type { RepositoryName } from '../oci/name.ts'
import { bearerChallenge, offersBasic } from './challenge.ts'
import type { Challenge } from './challenge.ts'
import { loginMayGoTo } from './login-reach.ts'
import type { LoginSite } from './login-reach.ts'
import type { HeldLogin } from './logins.ts'
import { grantFor, resolveRealm } from './realm.ts'
import type { TokenGrant } from './realm.ts'

/** For a token, or as it is. */
export type LoginWay =
  | { readonly kind: 'token'; readonly held: HeldLogin; readonly grant: TokenGrant }
  | { readonly kind: 'login'; readonly held: HeldLogin }

export interface Challenged {
  readonly challenges: readonly Challenge[]
  readonly url: URL
  readonly repository: RepositoryName | undefined
}

/** Bearer before Basic: the login is then seen by the token server only. `trouble` is a sentence. */
export function loginWay(
  held: HeldLogin,
  { challenges, url, repository }: Challenged,
  site: LoginSite,
): LoginWay | { readonly trouble: string } {
  const { login, origin } = held
  if (login.kind === 'registry-token') return { kind: 'login', held }
  const challenge = bearerChallenge(challenges)
  const realm = challenge && resolveRealm(challenge.realm, url, site)
  if (realm && loginMayGoTo(realm, site)) {
    return { kind: 'token', held, grant: { ...grantFor(challenge, realm, url, repository), held } }
  }
  if (offersBasic(challenges) && login.kind === 'password') return { kind: 'login', held }
  const { registry, endpoint } = site
  const label = `${registry}: the login from ${origin}`
  if (!challenge) {
    return { trouble: `${label} was not used, since ${endpoint.host} asks for none of its kind` }
  }
  const host = realm?.host ?? URL.parse(challenge.realm, url.href)?.host ?? 'nowhere'
  const trouble =
    `${label} was not sent to ${host}, which the registry names as its token server: ` +
    `if that is right, list ${host} in trusted-hosts of ${registry}`
  return { trouble }
}
