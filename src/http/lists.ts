// Answers that are lists: the tags of a repository, the referrers of a manifest, the catalog.

import { RequestError } from '../errors.ts'
import type { Reason } from '../errors.ts'
import type { Exchange } from '../lib/exchange.ts'
import type { Mirror } from '../mirror/mirror.ts'
import type { Digest } from '../oci/digest.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import { referrersIndex } from '../oci/referrers.ts'
import { errorResponse } from './error-response.ts'
import { cacheStatus, REVALIDATE, warning } from './headers.ts'
import { nextLink, PAGE_MAX, pageOf } from './page.ts'
import type { ListQuery } from './page.ts'
import type { PullLog } from './pull-log.ts'
import type { Route } from './route.ts'

export interface ListOptions {
  readonly mirror: Mirror
  readonly pulls: PullLog
}

type ListRoute<Kind extends Route['kind']> = Extract<Route, { kind: Kind }>

export async function answerTags(
  { base, name }: ListRoute<'tags'>,
  query: ListQuery,
  repository: Repository,
  request: Request,
  exchange: Exchange,
  { mirror, pulls }: ListOptions,
): Promise<Response> {
  const found = await mirror.tags(repository)
  if (!found) {
    const message = `repository name not known to registry: ${repositoryKey(repository)}`
    throw new RequestError('NAME_UNKNOWN', message, { name })
  }
  const { names: tags, hasMore } = pageOf(found.entries, query)
  pulls.listed(exchange.client, `the tags of ${repositoryKey(repository)}`, tags.length, found)
  const headers = freshnessHeaders(found)
  if (hasMore) headers.set('Link', nextPage(`${base}/tags/list`, tags, query))
  return listResponse(JSON.stringify({ name, tags }), headers, request)
}

/** `digest`: the one in the route, checked. */
export async function answerReferrers(
  { digest }: ListRoute<'referrers'> & { readonly digest: Digest },
  { artifactTypes }: ListQuery,
  repository: Repository,
  request: Request,
  exchange: Exchange,
  { mirror, pulls }: ListOptions,
): Promise<Response> {
  const found = await mirror.referrers(repository, digest)
  const isFiltered = artifactTypes.length > 0
  const listed = isFiltered
    ? found.entries.filter(({ artifactType = '' }) => artifactTypes.includes(artifactType))
    : found.entries
  const what = `the referrers of ${imageName(repository, { digest })}`
  pulls.listed(exchange.client, what, listed.length, found)
  const headers = freshnessHeaders(found)
  headers.set('Content-Type', OCI_INDEX)
  if (isFiltered) headers.set('OCI-Filters-Applied', 'artifactType')
  return listResponse(referrersIndex(listed), headers, request)
}

/** `registry`: the one that the client's form of address names, or undefined for all. */
export async function answerCatalog(
  { base }: ListRoute<'catalog'>,
  query: ListQuery,
  registry: string | undefined,
  request: Request,
  exchange: Exchange,
  { mirror, pulls }: ListOptions,
): Promise<Response> {
  const { n = PAGE_MAX, last = '' } = query
  const found = await mirror.catalog(registry, { n, last })
  // A 405 would say that another method is answered.
  if (!found) {
    const message = 'this mirror does not tell what it holds; its operator can allow it'
    const failure = { status: 404, code: 'UNSUPPORTED', message } as const
    return errorResponse({ ...failure, detail: { option: '--catalog true' } }, request.method)
  }
  const { names: repositories, hasMore } = found
  pulls.listed(exchange.client, 'the catalog', repositories.length)
  const headers = new Headers({ 'Content-Type': 'application/json', 'Cache-Control': REVALIDATE })
  if (hasMore) headers.set('Link', nextPage(`${base}/_catalog`, repositories, query))
  return listResponse(JSON.stringify({ repositories }), headers, request)
}

/** A page of a list that has more is as long as was asked for. */
function nextPage(path: string, names: readonly string[], { ns }: ListQuery): string {
  return nextLink(path, { n: names.length, last: names.at(-1) ?? '', ns })
}

function freshnessHeaders({
  how,
  staleBecause,
}: {
  readonly how: 'hit' | 'miss' | 'stale'
  readonly staleBecause: Reason | undefined
}): Headers {
  const headers = new Headers({
    'Content-Type': 'application/json',
    'Cache-Control': REVALIDATE,
    'Cache-Status': cacheStatus(how),
  })
  if (staleBecause) headers.set('Warning', warning(staleBecause.publicMessage))
  return headers
}

function listResponse(body: string, headers: Headers, request: Request): Response {
  headers.set('Content-Length', String(Buffer.byteLength(body)))
  return new Response(request.method === 'HEAD' ? null : body, { headers })
}
