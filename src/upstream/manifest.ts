// Manifests of one endpoint, one try each.

import { digestMismatch } from '../errors.ts'
import { digestAlgorithm, digestOf, parseDigest } from '../oci/digest.ts'
import { describeManifest } from '../oci/manifest.ts'
import { ACCEPT_BY_DIGEST, ACCEPT_BY_TAG, bareMediaType } from '../oci/media-type.ts'
import { referenceText } from '../oci/name.ts'
import type { Reference, RepositoryName } from '../oci/name.ts'
import { header, numberHeader } from './answer.ts'
import type { Answer, Method } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { codingsOf, readWhole } from './body.ts'
import type { Endpoint, Question } from './endpoint.ts'
import type { UpstreamLimits } from './limits.ts'
import type { Peer } from './transport-failure.ts'
import type { FetchedManifest, ManifestHead, Provenance } from './upstream.ts'

export interface ManifestRequest {
  readonly repository: RepositoryName
  readonly reference: Reference
  readonly anonymously: boolean
  readonly limits: UpstreamLimits
  readonly signal: AbortSignal
}

/** Where a registry refuses HEAD, a GET tells the same; its body then makes up the digest. */
export async function headManifestOnce(
  endpoint: Endpoint,
  request: ManifestRequest,
  headOnly: boolean,
): Promise<ManifestHead | undefined> {
  const reply = await endpoint.ask(questionOf('HEAD', request), request.signal)
  if (reply.meaning === 'ok') {
    const { isAnonymous } = reply
    return { ...headOf(reply.answer, reply.peer), isAnonymous, isOrigin: endpoint.isOrigin }
  }
  if (reply.meaning !== 'head-refused') return undefined
  return headOnly ? untold(endpoint) : headByGet(endpoint, request)
}

export async function getManifestOnce(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<FetchedManifest | undefined> {
  const reply = await endpoint.ask(questionOf('GET', request), request.signal)
  if (reply.meaning !== 'ok') return undefined
  const { answer, peer, isAnonymous } = reply
  const bytes = await readWhole(answer, peer, request.limits.manifestMaxBytes, 'a manifest')
  const contentType = header(answer, 'content-type')
  return { bytes, contentType, isAnonymous, isOrigin: endpoint.isOrigin }
}

/** Throws where another endpoint had better be asked. */
export function mustBeRight(
  { bytes, contentType }: FetchedManifest,
  reference: Reference,
  registry: string,
): void {
  const wrong = whatIsWrong(bytes, contentType, reference)
  if (wrong !== undefined) throw new AttemptError('bad-response', `${registry}: ${wrong}`)
}

function whatIsWrong(
  bytes: Buffer,
  contentType: string | undefined,
  reference: Reference,
): string | undefined {
  if ('digest' in reference) {
    const { digest } = reference
    const found = digestOf(bytes, digestAlgorithm(digest))
    if (found !== digest) return digestMismatch(digest, found).message
  }
  try {
    describeManifest(bytes, contentType)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function untold({ isOrigin }: Endpoint): ManifestHead {
  const nothing = { digest: undefined, mediaType: undefined, sizeBytes: undefined }
  return { ...nothing, isAnonymous: false, isOrigin }
}

async function headByGet(
  endpoint: Endpoint,
  request: ManifestRequest,
): Promise<ManifestHead | undefined> {
  const fetched = await getManifestOnce(endpoint, request)
  if (!fetched) return undefined
  const { bytes, contentType, isAnonymous, isOrigin } = fetched
  const { reference } = request
  const algorithm = 'digest' in reference ? digestAlgorithm(reference.digest) : 'sha256'
  const digest = digestOf(bytes, algorithm)
  const mediaType = bareMediaType(contentType)
  return { digest, mediaType, sizeBytes: bytes.length, isAnonymous, isOrigin }
}

function headOf(answer: Answer, peer: Peer): Omit<ManifestHead, keyof Provenance> {
  // A HEAD has no body, but its stream has to be run out all the same.
  answer.body.resume()
  const encoded = codingsOf(answer, peer).length > 0
  return {
    digest: parseDigest(header(answer, 'docker-content-digest') ?? ''),
    mediaType: bareMediaType(header(answer, 'content-type')),
    sizeBytes: encoded ? undefined : numberHeader(answer, 'content-length'),
  }
}

function questionOf(method: Method, request: ManifestRequest): Question {
  const { repository, reference, anonymously, limits } = request
  return {
    method,
    repository,
    path: `manifests/${referenceText(reference)}`,
    headers: { accept: 'digest' in reference ? ACCEPT_BY_DIGEST : ACCEPT_BY_TAG },
    headersTimeoutMs: limits.manifestHeadersTimeoutMs,
    download: false,
    anonymously,
    ofContent: true,
  }
}
