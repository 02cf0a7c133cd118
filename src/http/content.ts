// Everything that is answered out of repositories: manifests, blobs and lists.

import { RequestError, StoreError } from '../errors.ts'
import type { Exchange } from '../lib/exchange.ts'
import type { Logger } from '../lib/log.ts'
import type { Mirror } from '../mirror/mirror.ts'
import { parseDigest } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, parseReference, repositoryKey } from '../oci/name.ts'
import type { Reference, Repository } from '../oci/name.ts'
import { addressOf, served } from './address.ts'
import { blobHeadResponse, blobResponse } from './blobs.ts'
import { errorResponse, failureOf } from './error-response.ts'
import { answerCatalog, answerReferrers, answerTags } from './lists.ts'
import { manifestResponse } from './manifests.ts'
import { listQuery } from './page.ts'
import type { PullLog } from './pull-log.ts'
import type { ParsedTarget, Query, Route } from './route.ts'

export interface ContentOptions {
  readonly mirror: Mirror
  readonly pulls: PullLog
  readonly log: Logger
}

export type ContentRoute = Extract<
  Route,
  { kind: 'manifest' | 'blob' | 'tags' | 'referrers' | 'catalog' }
>

/** What of a malformed reference is repeated in the error. */
const QUOTED_LENGTH_MAX = 200

type Call = [request: Request, exchange: Exchange, options: ContentOptions]

/** What is asked for, once it is clear, in words and as a deed. */
interface Job {
  readonly what: string
  readonly answer: (...call: Call) => Promise<Response>
}

/** Never throws: failures here are what people ask about, so they become responses and log lines. */
export async function answerContent(
  route: ContentRoute,
  parsed: ParsedTarget,
  ...call: Call
): Promise<Response> {
  const [request, exchange, options] = call
  const { mirror, pulls, log } = options
  const address = addressOf(parsed, exchange)
  let what = exchange.target
  let nsUsed = false
  let response: Response
  try {
    let job: Job
    if (route.kind === 'catalog') {
      const place = served(mirror.place(address))
      nsUsed = place.nsUsed
      job = catalogJob(place.registry, route, parsed.query)
    } else {
      const { name } = route
      const target = served(mirror.target({ ...address, name }), { name })
      nsUsed = target.nsUsed
      job = repositoryJob(target.repository, route, parsed.query)
    }
    what = job.what
    response = await job.answer(...call)
  } catch (error) {
    const failure = failureOf(error)
    const isOurs = failure.code === 'UNKNOWN' || error instanceof StoreError
    if (isOurs) log.error(`${what}: ${String(error)}`, { error })
    pulls.failed(exchange.client, what, failure)
    response = errorResponse(failure, request.method)
  }
  if (nsUsed && address.ns !== undefined) response.headers.set('OCI-Namespace', address.ns)
  return response
}

function catalogJob(
  registry: string | undefined,
  route: Extract<Route, { kind: 'catalog' }>,
  query: Query,
): Job {
  const checked = listQuery(query)
  return {
    what: `the catalog of ${registry ?? 'all registries'}`,
    answer: (...call) => answerCatalog(route, checked, registry, ...call),
  }
}

/** Throws RequestError for what no repository can have. */
function repositoryJob(
  repository: Repository,
  route: Exclude<ContentRoute, { kind: 'catalog' }>,
  query: Query,
): Job {
  switch (route.kind) {
    case 'manifest': {
      const reference = requireReference(route.reference)
      const what = imageName(repository, reference)
      return { what, answer: (_request, ...call) => answerManifest(repository, reference, ...call) }
    }
    case 'blob': {
      const digest = requireDigest(route.digest)
      const what = imageName(repository, { digest })
      return { what, answer: (...call) => answerBlob(repository, digest, ...call) }
    }
    case 'tags': {
      const checked = listQuery(query)
      const what = `the tags of ${repositoryKey(repository)}`
      return { what, answer: (...call) => answerTags(route, checked, repository, ...call) }
    }
    case 'referrers': {
      const digest = requireDigest(route.digest)
      const checked = listQuery(query)
      const what = `the referrers of ${imageName(repository, { digest })}`
      const about = { ...route, digest }
      return { what, answer: (...call) => answerReferrers(about, checked, repository, ...call) }
    }
  }
}

/** The conformance suite wants 404 for a malformed tag and accepts 400 for a malformed digest. */
function requireReference(text: string): Reference {
  const reference = parseReference(text)
  if (reference) return reference
  if (text.includes(':')) return { digest: requireDigest(text) }
  const detail = { Tag: text.slice(0, QUOTED_LENGTH_MAX) }
  throw new RequestError('MANIFEST_UNKNOWN', 'that is not a tag', detail)
}

function requireDigest(text: string): Digest {
  const digest = parseDigest(text)
  if (digest) return digest
  const detail = { Digest: text.slice(0, QUOTED_LENGTH_MAX) }
  throw new RequestError('DIGEST_INVALID', 'that is not a sha256 or sha512 digest', detail)
}

async function answerManifest(
  repository: Repository,
  reference: Reference,
  exchange: Exchange,
  { mirror, pulls }: ContentOptions,
): Promise<Response> {
  const want = exchange.method === 'HEAD' ? 'head' : 'bytes'
  const found = await mirror.manifest(repository, reference, want)
  if (!found) {
    const detail = 'tag' in reference ? { Tag: reference.tag } : { Digest: reference.digest }
    const name = imageName(repository, reference)
    throw new RequestError('MANIFEST_UNKNOWN', `manifest unknown: ${name}`, detail)
  }
  const { status, headers, body } = manifestResponse(found, reference, exchange)
  const given = (client: string): void => {
    pulls.manifest(client, repository, reference, found)
    if (want === 'head') return
    mirror.answered(repository, found.how)
    mirror.sent(repository, body?.byteLength ?? 0)
  }
  given(exchange.client)
  const { again } = found
  if (again) {
    const givenAgain = (client: string): void => {
      again.noteUse()
      given(client)
    }
    exchange.again = { body, lasts: again.lasts, given: givenAgain }
  }
  return new Response(body ?? null, { status, headers })
}

async function answerBlob(
  repository: Repository,
  digest: Digest,
  request: Request,
  exchange: Exchange,
  { mirror, pulls }: ContentOptions,
): Promise<Response> {
  // HEAD first of all: it must open no file and start no download.
  if (request.method === 'HEAD') {
    const sizeBytes = await mirror.blobSize(repository, digest)
    if (sizeBytes === undefined) throw blobUnknown(digest)
    return blobHeadResponse(digest, sizeBytes)
  }
  const wanted = request.headers.has('range') ? 'ranges' : 'whole'
  const found = await mirror.blob(repository, digest, wanted)
  if (!found) throw blobUnknown(digest)
  mirror.answered(repository, found.how)
  const told = pulls.blob(exchange.client, repository, digest, found)
  exchange.sent = (sentBytes, isComplete) => {
    mirror.sent(repository, sentBytes)
    told(sentBytes, isComplete)
  }
  const response = blobResponse(found, digest, request, exchange)
  if (!exchange.body) exchange.sent(0, true)
  return response
}

function blobUnknown(digest: Digest): RequestError {
  return new RequestError('BLOB_UNKNOWN', 'blob unknown to registry', { digest })
}
