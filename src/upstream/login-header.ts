// A login as a header. Pure.

import type { Login } from './login.ts'

/** What the registry itself is sent; undefined for what only a token server understands. */
export function registryAuthorization(login: Login): string | undefined {
  switch (login.kind) {
    case 'password':
      return basic(login.username, login.password.reveal())
    case 'registry-token':
      return `Bearer ${login.token.reveal()}`
    case 'identity-token':
      return undefined
  }
}

/** What a token server is sent with a GET. An identity token takes the place of the password. */
export function realmAuthorization(login: Login): string | undefined {
  if (login.kind === 'identity-token') return basic('', login.token.reveal())
  return login.kind === 'password' ? registryAuthorization(login) : undefined
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
