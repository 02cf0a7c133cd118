// The referrers of a manifest by the API of one endpoint, one try: every page of them.

import type { Digest } from '../oci/digest.ts'
import { bareMediaType, OCI_INDEX } from '../oci/media-type.ts'
import type { RepositoryName } from '../oci/name.ts'
import { parseReferrers } from '../oci/referrers.ts'
import type { ReferrerDescriptor } from '../oci/referrers.ts'
import { header } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { readWhole } from './body.ts'
import type { Endpoint, Reply } from './endpoint.ts'
import type { UpstreamLimits } from './limits.ts'
import { pagesFrom } from './pages.ts'
import type { Page } from './pages.ts'
import { isRedirect } from './redirects.ts'
import type { ReferrerList } from './upstream.ts'

export interface ReferrersRequest {
  readonly repository: RepositoryName
  readonly subject: Digest
  readonly limits: UpstreamLimits
  readonly signal: AbortSignal
}

/**
 * - `unsupported`: this registry has no such API
 * - `unsupported-here`: nothing of the kind for this repository, which may be what is missing
 * - `unknown`: an answer that is no list of referrers, this time
 */
export type ReferrersReply =
  Omit<ReferrerList, 'isOrigin'> | 'unsupported' | 'unsupported-here' | 'unknown'

/** By what a server says of a method or an address it does not know at all. */
const UNSUPPORTED: ReadonlySet<number> = new Set([405, 501])

export async function listReferrersOnce(
  endpoint: Endpoint,
  request: ReferrersRequest,
): Promise<ReferrersReply> {
  const first = await askFirst(endpoint, request)
  if (typeof first === 'string') return first
  // With the errors document it is the repository or the subject that is missing, not the API.
  if (first.meaning !== 'ok') return first.hasErrors ? 'unknown' : 'unsupported-here'
  return await readPages(endpoint, request, first)
}

/** A redirect is not followed: ghcr.io sends to a web page. */
async function askFirst(
  endpoint: Endpoint,
  request: ReferrersRequest,
): Promise<Reply | Extract<ReferrersReply, string>> {
  try {
    return await ask(endpoint, request, '')
  } catch (error) {
    const status = error instanceof AttemptError ? error.status : undefined
    if (status === undefined) throw error
    if (UNSUPPORTED.has(status)) return 'unsupported'
    if (isRedirect(status) || status === 406) return 'unsupported-here'
    // A digest that it does not take, or an HTML page: of a portal, or of a registry's own web site.
    if (status === 400 || status === 200 || status === 404) return 'unknown'
    throw error
  }
}

async function readPages(
  endpoint: Endpoint,
  request: ReferrersRequest,
  first: Page,
): Promise<ReferrersReply> {
  const { referrersPagesMax, referrersMaxBytes } = request.limits
  const found: ReferrerDescriptor[] = []
  const { registry, host } = first.peer
  let leftBytes = referrersMaxBytes
  let isWhole = false
  let isAnonymous = true
  const askNext = (query: string): Promise<Reply> => ask(endpoint, request, query)
  for await (const { page, isLast } of pagesFrom(first, referrersPagesMax, askNext)) {
    const bytes = await readIndex(page, leftBytes)
    const referrers = bytes && parseReferrers(bytes.toString())
    if (!referrers && page === first) return 'unknown'
    if (!referrers) throw new AttemptError('bad-response', `${registry}: ${host} sent no index`)
    found.push(...referrers)
    leftBytes -= bytes?.length ?? 0
    isAnonymous &&= page.isAnonymous
    isWhole = isLast
  }
  if (isWhole) return { descriptors: found, isAnonymous }
  // A part of them would hide the rest, which may be signatures.
  throw new AttemptError('bad-response', `${registry}: ${host} has too many pages of referrers`)
}

async function readIndex({ answer, peer }: Page, maxBytes: number): Promise<Buffer | undefined> {
  if (bareMediaType(header(answer, 'content-type')) === OCI_INDEX) {
    return await readWhole(answer, peer, maxBytes, 'lists of referrers')
  }
  answer.body.destroy()
  return undefined
}

function ask(
  endpoint: Endpoint,
  { repository, subject, limits, signal }: ReferrersRequest,
  query: string,
): Promise<Reply> {
  const question = {
    method: 'GET',
    repository,
    path: `referrers/${subject}${query}`,
    headers: { accept: OCI_INDEX },
    headersTimeoutMs: limits.manifestHeadersTimeoutMs,
    download: false,
    anonymously: false,
    refusesRedirects: true,
  } as const
  return endpoint.ask(question, signal)
}
