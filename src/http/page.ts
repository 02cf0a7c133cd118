// The page of a list that a client asks for, and the way to the next one. Pure.

import { RequestError } from '../errors.ts'
import type { Query } from './route.ts'

/** Whoever asks for more gets this and a Link to the rest. */
export const PAGE_MAX = 10_000

/** What of a malformed number is repeated in the error. */
const QUOTED_LENGTH_MAX = 50

/** What of the query counts for a list; `n` is checked and at most PAGE_MAX. */
export type ListQuery = Omit<Query, 'n'> & { readonly n: number | undefined }

export function listQuery({ n, ...query }: Query): ListQuery {
  if (n === undefined) return { ...query, n }
  if (/^\d+$/.test(n)) return { ...query, n: Math.min(Number(n), PAGE_MAX) }
  const quoted = n.slice(0, QUOTED_LENGTH_MAX)
  throw new RequestError(
    'PAGINATION_NUMBER_INVALID',
    'n has to be a whole number, the most entries to answer with',
    { n: quoted },
  )
}

/** `names` are in byte order; `last` comes before the page and need not be among them. */
export function pageOf(
  names: readonly string[],
  { n = Infinity, last = '' }: Partial<Pick<ListQuery, 'n' | 'last'>>,
): { readonly names: readonly string[]; readonly hasMore: boolean } {
  const rest = last === '' ? names : names.filter((name) => name > last)
  return { names: rest.slice(0, n), hasMore: n > 0 && rest.length > n }
}

/** Without scheme and host: crane refuses a Link to what it takes for another registry. */
export function nextLink(
  path: string,
  page: { readonly n: number; readonly last: string; readonly ns: string | undefined },
): string {
  const { n, last, ns } = page
  const registry = ns === undefined ? '' : `&ns=${encodeURIComponent(ns)}`
  return `<${path}?n=${n}&last=${encodeURIComponent(last)}${registry}>; rel="next"`
}
