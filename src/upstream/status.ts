// What an answer's status means, as one pure function.

import { bareMediaType } from '../oci/media-type.ts'
import type { Method } from './answer.ts'

export interface Reply {
  readonly method: Method
  readonly status: number
  readonly contentType: string | undefined
  /** Whether a part was asked for. */
  readonly ranged: boolean
  /** Whether the body is the OCI errors document; never so for a HEAD. */
  readonly hasErrors: boolean
  /** Whether a manifest or a blob was asked for, not a list, which many registries do not know of. */
  readonly ofContent: boolean
  /** Whether it has no body; told for a GET. */
  readonly isEmpty: boolean
  /** Whether it comes from where the registry redirected to. */
  readonly redirected: boolean
  /** Whether a token was sent along. */
  readonly authorized: boolean
}

/**
 * - `ok`: 200 or 206
 * - `missing`: the thing does not exist, said with authority
 * - `not-visible`: refused to the anonymous
 * - `head-refused`: this registry has no HEAD; a GET will tell
 * - `rate-limited`: 429
 * - `busy`: worth another try; a 408 only if it names the time
 * - `odd`: cannot be right
 */
export type Meaning =
  'ok' | 'missing' | 'not-visible' | 'head-refused' | 'rate-limited' | 'busy' | 'odd'

export function meaningOf(reply: Reply): Meaning {
  const { status } = reply
  const page = isHtml(reply.contentType)
  if (status === 200 || (status === 206 && reply.ranged)) return page ? 'odd' : 'ok'
  if (reply.method === 'HEAD' && refusesHead(reply)) return 'head-refused'
  // nginx in front of a registry puts a page even under its own 401.
  if (status === 401) return isAuthority(reply) ? 'not-visible' : 'odd'
  if (status === 403) return isAuthority(reply) && !page ? 'not-visible' : 'odd'
  if (status === 404) return isAuthority(reply) && !page && isOwnWord(reply) ? 'missing' : 'odd'
  if (status === 429) return 'rate-limited'
  return status >= 500 || status === 408 ? 'busy' : 'odd'
}

/** A captive portal or a proxy's own page; no registry names that type for anything it stores. */
export function isHtml(contentType: string | undefined): boolean {
  const bare = bareMediaType(contentType)
  return bare === 'text/html' || bare === 'application/xhtml+xml'
}

function refusesHead({ status, authorized, redirected }: Reply): boolean {
  if (status === 401) return authorized && !redirected
  if (status === 403) return authorized || redirected
  return status === 400 || status === 405 || status === 501
}

/**
 * An ingress says `404 page not found` in plain text while the registry behind it restarts. Old
 * registries leave the errors document out, or the whole body.
 */
function isOwnWord({ method, ofContent, hasErrors, isEmpty, contentType }: Reply): boolean {
  if (hasErrors || isEmpty || method === 'HEAD' || !ofContent) return true
  const bare = bareMediaType(contentType)
  return bare === undefined || bare === 'application/json' || bare.endsWith('+json')
}

/** Storage behind a redirect knows its own objects, not repositories, unless it is a registry too. */
function isAuthority({ method, hasErrors, redirected }: Reply): boolean {
  return !redirected || hasErrors || method === 'HEAD'
}
