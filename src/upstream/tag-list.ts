// The tags of a repository of one endpoint, one try: every page of them.

import { parseTag } from '../oci/name.ts'
import type { RepositoryName } from '../oci/name.ts'
import { AttemptError } from './attempt-error.ts'
import { readWhole } from './body.ts'
import type { Endpoint, Reply } from './endpoint.ts'
import type { UpstreamLimits } from './limits.ts'
import { pagesFrom } from './pages.ts'
import type { Page } from './pages.ts'
import type { TagList } from './upstream.ts'

export interface TagListRequest {
  readonly repository: RepositoryName
  readonly anonymously: boolean
  readonly pagesMax: number
  readonly limits: UpstreamLimits
  readonly signal: AbortSignal
}

/** How a registry says that it takes no `n`, or none that large. */
const REFUSES_N: ReadonlySet<number | undefined> = new Set([400, 405])

export async function listTagsOnce(
  endpoint: Endpoint,
  request: TagListRequest,
): Promise<TagList | 'no-list' | undefined> {
  const { tagsMax } = request.limits
  const first = await askFirst(endpoint, request)
  // Without the errors document it is the list that is missing: mcr.microsoft.com keeps none of some.
  if (first.meaning !== 'ok') return first.hasErrors ? undefined : 'no-list'
  const tags = new Set<string>()
  let isAnonymous = true
  let isCut = false
  const askNext = (query: string): Promise<Reply> => ask(endpoint, request, query)
  for await (const { page, isLast } of pagesFrom(first, request.pagesMax, askNext)) {
    for (const tag of await readTags(page, request.limits)) tags.add(tag)
    isAnonymous &&= page.isAnonymous
    isCut = !isLast || tags.size > tagsMax
    if (tags.size >= tagsMax) break
  }
  // Tags are ASCII, so this is byte order.
  const listed = [...tags].toSorted().slice(0, tagsMax)
  return { tags: listed, isCut, isAnonymous, isOrigin: endpoint.isOrigin }
}

async function askFirst(endpoint: Endpoint, request: TagListRequest): Promise<Reply> {
  try {
    return await ask(endpoint, request, `?n=${request.limits.tagsPerPage}`)
  } catch (error) {
    if (error instanceof AttemptError && REFUSES_N.has(error.status)) {
      return await ask(endpoint, request, '')
    }
    throw error
  }
}

function ask(
  endpoint: Endpoint,
  { repository, anonymously, limits, signal }: TagListRequest,
  query: string,
): Promise<Reply> {
  const question = {
    method: 'GET',
    repository,
    path: `tags/list${query}`,
    headers: { accept: 'application/json' },
    headersTimeoutMs: limits.manifestHeadersTimeoutMs,
    download: false,
    anonymously,
  } as const
  return endpoint.ask(question, signal)
}

/** What is no tag by the grammar could not be asked for either. */
async function readTags({ answer, peer }: Page, limits: UpstreamLimits): Promise<string[]> {
  const bytes = await readWhole(answer, peer, limits.tagPageMaxBytes, 'a page of tags')
  const tags = tagsOf(bytes.toString())
  if (tags) return tags.filter((tag) => typeof tag === 'string' && parseTag(tag) !== undefined)
  const message = `${peer.registry}: ${peer.host} sent something that is no list of tags`
  throw new AttemptError('bad-response', message)
}

/** Go writes an empty list as null. */
function tagsOf(text: string): string[] | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null || !('tags' in json)) return undefined
  const { tags } = json
  return tags === null ? [] : Array.isArray(tags) ? (tags as string[]) : undefined
}
