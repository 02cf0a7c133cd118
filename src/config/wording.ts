// Pieces of the sentences that say what is wrong.

import { nearest } from '../lib/nearest.ts'
import { HIDDEN } from '../lib/secret.ts'

const FOUND_LENGTH_MAX = 120

/** The value found, in quotes and without a login. */
export function quote(text: string): string {
  const shown = hideLogins(text)
  return JSON.stringify(
    shown.length > FOUND_LENGTH_MAX ? `${shown.slice(0, FOUND_LENGTH_MAX)}...` : shown,
  )
}

/**
 * What stands in front of an @, from the start or from `scheme://` on. Passwords may hold any sign where
 * people forget to escape it, so the last @ counts. In globs `@(` is something else, and so is an @ in
 * the path of a file.
 */
export function hideLogins(text: string): string {
  const at = /@(?![^]*@)(?!\()/.exec(text)?.index ?? -1
  if (at < 0) return text
  const [scheme = ''] = /^[^]*?\b[a-z][a-z0-9+.-]*:\/\//i.exec(text.slice(0, at)) ?? []
  const login = text.slice(scheme.length, at)
  if (scheme === '' && login.includes('/') && !login.includes(':')) return text
  return `${hideLogins(scheme)}${login === '' ? '' : HIDDEN}${text.slice(at)}`
}

/** `; did you mean tag-ttl?`, or nothing when no known name is close. */
export function suggestion(found: string, known: readonly string[], prefix = ''): string {
  const best = nearest(found, known)
  return best === undefined ? '' : `; did you mean ${prefix}${best}?`
}
