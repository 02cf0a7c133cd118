// Everything that is answered out of a repository: manifests and blobs.

import { RequestError, StoreError } from '../errors.ts'
import type { Exchange } from '../lib/exchange.ts'
import type { Logger } from '../lib/log.ts'
import type { Mirror } from '../mirror/mirror.ts'
import { parseDigest } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, parseReference } from '../oci/name.ts'
import type { Reference, Repository } from '../oci/name.ts'
import { blobHeadResponse, blobResponse } from './blobs.ts'
import { errorResponse, failureOf } from './error-response.ts'
import { manifestResponse } from './manifests.ts'
import type { PullLog } from './pull-log.ts'
import type { Route } from './route.ts'

export interface ContentOptions {
  readonly mirror: Mirror
  readonly pulls: PullLog
  readonly log: Logger
}

export type ContentRoute = Extract<Route, { kind: 'manifest' | 'blob' }>

/** What of a malformed reference is repeated in the error. */
const QUOTED_LENGTH_MAX = 200

/** Never throws: failures here are what people ask about, so they become responses and log lines. */
export async function answerContent(
  route: ContentRoute,
  ns: string | undefined,
  request: Request,
  exchange: Exchange,
  options: ContentOptions,
): Promise<Response> {
  let what = exchange.target
  let nsUsed = false
  let response: Response
  try {
    const target = requireTarget(route.name, ns, options.mirror)
    nsUsed = target.nsUsed
    const { repository } = target
    if (route.kind === 'manifest') {
      const reference = requireReference(route.reference)
      what = imageName(repository, reference)
      response = await answerManifest(repository, reference, request, exchange, options)
    } else {
      const digest = requireDigest(route.digest)
      what = imageName(repository, { digest })
      response = await answerBlob(repository, digest, request, exchange, options)
    }
  } catch (error) {
    const failure = failureOf(error)
    const isOurs = failure.code === 'UNKNOWN' || error instanceof StoreError
    if (isOurs) options.log.error(`${what}: ${String(error)}`, { error })
    options.pulls.failed(exchange.client, what, failure)
    response = errorResponse(failure, request.method)
  }
  if (nsUsed && ns !== undefined) response.headers.set('OCI-Namespace', ns)
  return response
}

function requireTarget(
  name: string,
  ns: string | undefined,
  mirror: Mirror,
): { repository: Repository; nsUsed: boolean } {
  const target = mirror.target({ name, ns })
  if (!('refused' in target)) return target
  const code = target.refused === 'name-invalid' ? 'NAME_INVALID' : 'NAME_UNKNOWN'
  throw new RequestError(code, target.message, { name })
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
  request: Request,
  exchange: Exchange,
  { mirror, pulls }: ContentOptions,
): Promise<Response> {
  const want = request.method === 'HEAD' ? 'head' : 'bytes'
  const found = await mirror.manifest(repository, reference, want)
  if (!found) {
    const detail = 'tag' in reference ? { Tag: reference.tag } : { Digest: reference.digest }
    const name = imageName(repository, reference)
    throw new RequestError('MANIFEST_UNKNOWN', `manifest unknown: ${name}`, detail)
  }
  pulls.manifest(exchange.client, repository, reference, found)
  return manifestResponse(found, reference, request)
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
  const found = await mirror.blob(repository, digest)
  if (!found) throw blobUnknown(digest)
  exchange.sent = pulls.blob(exchange.client, repository, digest, found.how)
  const response = blobResponse(found, digest, request, exchange)
  if (!exchange.body) exchange.sent(0, true)
  return response
}

function blobUnknown(digest: Digest): RequestError {
  return new RequestError('BLOB_UNKNOWN', 'blob unknown to registry', { digest })
}
