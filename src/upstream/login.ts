// What proves to a registry who we are, and where it comes from. Types only.

import type { Secret } from '../lib/secret.ts'
import type { RepositoryName } from '../oci/name.ts'

/**
 * - `password`: for Basic, and to ask a token server with
 * - `identity-token`: a refresh token, good for asking a token server only
 * - `registry-token`: sent as Bearer as it is
 */
export type Login =
  | { readonly kind: 'password'; readonly username: string; readonly password: Secret }
  | { readonly kind: 'identity-token'; readonly token: Secret }
  | { readonly kind: 'registry-token'; readonly token: Secret }

export interface FoundLogin {
  readonly login: Login
  /** Where a person finds it: `/etc/regmirror/config.json`. */
  readonly origin: string
  /** What to do where it is refused: the end of a sentence. */
  readonly remedy?: string
}

/** The logins of one registry. */
export interface Credentials {
  /** What is known without asking a helper, and perhaps a moment old: whether there may be a login at all. */
  readonly mayExist: boolean
  /** Names below which repositories have logins of their own: `org` for `org/app`. */
  readonly namespaces?: readonly string[]
  /**
   * Undefined: anonymous. Some files have logins for some repositories only. `refused` is a login that
   * the registry has just turned down: what can be renewed (a helper, a file) is then read anew; the
   * same login comes back where nothing changed. Throws LoginError where one is configured but cannot
   * be had.
   */
  login(repository?: RepositoryName, refused?: Login): Promise<FoundLogin | undefined>
}
