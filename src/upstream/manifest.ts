// Manifests of one endpoint, one try each.

import { digestAlgorithm, digestOf, parseDigest } from '../oci/digest.ts'
import { ACCEPT_BY_DIGEST, ACCEPT_BY_TAG, bareMediaType } from '../oci/media-type.ts'
import { referenceText } from '../oci/name.ts'
import type { Reference, RepositoryName } from '../oci/name.ts'
import { header, numberHeader, readBounded } from './answer.ts'
import type { Answer, Method } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { codingsOf, openBody } from './body.ts'
import type { Endpoint, Question } from './endpoint.ts'
import type { UpstreamLimits } from './limits.ts'
import type { Peer } from './transport-failure.ts'
import type { FetchedManifest, ManifestHead } from './upstream.ts'

export interface ManifestRequest {
  readonly repository: RepositoryName
  readonly reference: Reference
  readonly limits: UpstreamLimits
  readonly signal: AbortSignal
}

/** Where a registry refuses HEAD, a GET tells the same; its body then makes up the digest. */
export async function headManifestOnce(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<ManifestHead | undefined> {
  const reply = await endpoint.ask(questionOf('HEAD', request), request.signal)
  if (reply.meaning === 'ok') return headOf(reply.answer, reply.peer)
  return reply.meaning === 'head-refused' ? headByGet(endpoint, request) : undefined
}

export async function getManifestOnce(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<FetchedManifest | undefined> {
  const reply = await endpoint.ask(questionOf('GET', request), request.signal)
  if (reply.meaning !== 'ok') return undefined
  const { answer, peer } = reply
  const bytes = await readManifest(answer, peer, request.limits.manifestMaxBytes)
  return { bytes, contentType: header(answer, 'content-type') }
}

async function headByGet(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<ManifestHead | undefined> {
  const fetched = await getManifestOnce(endpoint, request)
  if (!fetched) return undefined
  const { bytes, contentType } = fetched
  const { reference } = request
  const algorithm = 'digest' in reference ? digestAlgorithm(reference.digest) : 'sha256'
  const digest = digestOf(bytes, algorithm)
  return { digest, mediaType: bareMediaType(contentType), sizeBytes: bytes.length }
}

function headOf(answer: Answer, peer: Peer): ManifestHead {
  // A HEAD has no body, but its stream has to be run out all the same.
  answer.body.resume()
  const encoded = codingsOf(answer, peer).length > 0
  return {
    digest: parseDigest(header(answer, 'docker-content-digest') ?? ''),
    mediaType: bareMediaType(header(answer, 'content-type')),
    sizeBytes: encoded ? undefined : numberHeader(answer, 'content-length'),
  }
}

async function readManifest(answer: Answer, peer: Peer, maxBytes: number): Promise<Buffer> {
  const label = `${peer.registry}: ${peer.host}`
  const bodyBytes = numberHeader(answer, 'content-length')
  const codings = codingsOf(answer, peer)
  const tooLarge = (bodyBytes ?? 0) > maxBytes
  if (tooLarge) answer.body.destroy()
  const body = openBody(answer, { bodyBytes, codings, peer })
  const bytes = tooLarge ? undefined : await readBounded(body, maxBytes)
  if (bytes) return bytes
  throw new AttemptError('bad-response', `${label} sent a manifest of more than ${maxBytes} bytes`)
}

function questionOf(method: Method, { repository, reference, limits }: ManifestRequest): Question {
  return {
    method,
    repository,
    path: `manifests/${referenceText(reference)}`,
    headers: { accept: 'digest' in reference ? ACCEPT_BY_DIGEST : ACCEPT_BY_TAG },
    headersTimeoutMs: limits.manifestHeadersTimeoutMs,
    download: false,
  }
}
