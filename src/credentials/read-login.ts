// Names and secrets, as files and helpers hold them, made into a login.

import { LoginError } from '../errors.ts'
import { Secret } from '../lib/secret.ts'
import type { Login } from '../upstream/login.ts'

/** Docker's user name for a secret that is an identity token. */
const TOKEN_USER = '<token>'

/** Throws LoginError; `where` is what its message calls the place. */
export function loginOf(username: string, secret: string, where: string): Login {
  if (username === '') throw new LoginError(`${where} has a login without a user name`)
  if (secret === '') throw new LoginError(`${where} has a login without a password`)
  if (username === TOKEN_USER) return identityToken(secret, where)
  // Basic ends the user name at the first colon, and NUL ends the header.
  if (/[:\p{Cc}]/u.test(username)) {
    throw new LoginError(`${where} has a user name with a colon or control character in it`)
  }
  return { kind: 'password', username, password: new Secret(secret) }
}

export function identityToken(text: string, where: string): Login {
  return { kind: 'identity-token', token: tokenOf(text, where) }
}

export function registryToken(text: string, where: string): Login {
  return { kind: 'registry-token', token: tokenOf(text, where) }
}

/** `USER:PASSWORD`; undefined where there is no colon. Passwords may have some. */
export function splitLogin(text: string): { username: string; password: string } | undefined {
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

/** It has to fit into a header. */
function tokenOf(text: string, where: string): Secret {
  const token = text.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return new Secret(token)
  throw new LoginError(`${where} has a token with spaces or other characters that no token has`)
}
