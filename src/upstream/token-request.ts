// How a token server is asked (distribution token specification, and its OAuth2 form). Pure.

import { realmAuthorization } from './login-header.ts'
import type { Secret } from '../lib/secret.ts'
import { tokenUrl } from './realm.ts'
import type { TokenGrant } from './realm.ts'

const CLIENT_ID = 'regmirror'

export interface TokenRequest {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly authorization: string | undefined
  readonly form: string | undefined
}

/**
 * In the order to try them: the next where the server does not know the one before. Everybody knows
 * GET, except for a few that know only OAuth2; an identity token is made for OAuth2, which not all know.
 */
export function tokenRequests(grant: TokenGrant): readonly TokenRequest[] {
  const login = grant.held?.login
  if (login?.kind === 'identity-token') return [refresh(grant, login.token), byGet(grant)]
  if (login?.kind !== 'password') return [byGet(grant)]
  const form = {
    grant_type: 'password',
    username: login.username,
    password: login.password.reveal(),
    access_type: 'offline',
  }
  return [byGet(grant), byPost(grant, form)]
}

/** With a refresh token, as the login is or as the server gave one for it. */
export function refresh(grant: TokenGrant, token: Secret): TokenRequest {
  return byPost(grant, { grant_type: 'refresh_token', refresh_token: token.reveal() })
}

function byGet(grant: TokenGrant): TokenRequest {
  const login = grant.held?.login
  const url = tokenUrl(grant)
  if (login?.kind === 'password') url.searchParams.set('account', login.username)
  const authorization = login && realmAuthorization(login)
  return { method: 'GET', url, authorization, form: undefined }
}

function byPost(grant: TokenGrant, fields: Record<string, string>): TokenRequest {
  const form = new URLSearchParams({ ...fields, client_id: CLIENT_ID })
  if (grant.service !== undefined) form.set('service', grant.service)
  if (grant.scope !== '') form.set('scope', grant.scope)
  return { method: 'POST', url: grant.realm, authorization: undefined, form: form.toString() }
}
