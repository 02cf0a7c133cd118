// Redirects, followed by hand: which are allowed, and when to ask for a new one.

import { mayReach } from './address.ts'
import type { Answer } from './answer.ts'

export type NextHop = { readonly url: URL } | { readonly refused: string }

/** Whom the first request went to. */
export interface Home {
  readonly endpoint: URL
  readonly trustedHosts: readonly string[]
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** How storage says that a signed URL has expired or does not fit. */
const SPENT: ReadonlySet<number> = new Set([400, 403, 410])

export function isRedirect(status: number): boolean {
  return REDIRECTS.has(status)
}

/** Decides about one Location header, without its query in the words of a refusal: it may be signed. */
export function nextHop(
  from: URL,
  location: string | undefined,
  { endpoint, trustedHosts }: Home,
): NextHop {
  const url = location === undefined ? null : URL.parse(location, from.href)
  if (!url) return { refused: 'redirected to nowhere' }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return { refused: `redirected to ${url.protocol}, which is not http` }
  }
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    return { refused: `redirected from https to http (${url.host})` }
  }
  if (!mayReach(url, endpoint, trustedHosts)) {
    const advice = 'if that is right, name it with --trusted-host'
    return { refused: `redirected to a private address (${url.host}): ${advice}` }
  }
  url.username = ''
  url.password = ''
  url.hash = ''
  return { url }
}

export interface Followed<T extends Answer> {
  readonly answer: T
  /** Whether the answer comes from where we were sent to. */
  readonly redirected: boolean
}

/** The words of what went wrong are the caller's to dress up; it knows the registry and the request. */
export class RedirectRefused extends Error {}

/** `send` is called for each hop, first with `start`; `discard` for each answer that is not the last. */
export async function follow<T extends Answer>(
  start: URL,
  options: Home & { readonly hopsMax: number },
  send: (url: URL) => Promise<T>,
  discard: (answer: T) => void,
): Promise<Followed<T>> {
  let url = start
  let renewed = false
  for (let hops = 0; ; hops++) {
    const answer = await send(url)
    const redirected = url !== start
    if (isRedirect(answer.status)) {
      discard(answer)
      url = hopTo(url, answer, hops, options)
    } else if (redirected && !renewed && SPENT.has(answer.status)) {
      discard(answer)
      renewed = true
      url = start
    } else {
      return { answer, redirected }
    }
  }
}

function hopTo(
  from: URL,
  answer: Answer,
  hops: number,
  options: Home & { readonly hopsMax: number },
): URL {
  if (hops >= options.hopsMax) {
    throw new RedirectRefused(`redirected more than ${options.hopsMax} times`)
  }
  const location = answer.headers['location']
  const next = nextHop(from, Array.isArray(location) ? location[0] : location, options)
  if ('refused' in next) throw new RedirectRefused(next.refused)
  return next.url
}
