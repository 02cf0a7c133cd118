// A blob of one endpoint, one try: open until its body is read or given up. Only ever by GET: signed
// URLs are for GET alone, and public.ecr.aws answers 401 to the HEAD of any blob.

import type { Digest } from '../oci/digest.ts'
import type { RepositoryName } from '../oci/name.ts'
import { header, numberHeader } from './answer.ts'
import type { Answer } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { codingsOf, openBody } from './body.ts'
import { bodyExtent, rangeHeader } from './content-range.ts'
import type { BodyExtent, ByteRange } from './content-range.ts'
import type { Endpoint, Question, Reply } from './endpoint.ts'
import type { UpstreamLimits } from './limits.ts'
import type { Peer } from './transport-failure.ts'
import type { OpenedBlob } from './upstream.ts'

export interface BlobRequest {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly range: ByteRange | undefined
  readonly anonymously: boolean
  readonly limits: UpstreamLimits
  /** Ends with the opening: it must not abort the body later. */
  readonly signal: AbortSignal
  /** Called when the connection of an opened blob is done with. */
  readonly release: () => void
}

export type OpenedAtEndpoint = Omit<OpenedBlob, 'distrust'>

export async function openBlobOnce(
  endpoint: Endpoint,
  request: BlobRequest,
): Promise<OpenedAtEndpoint | undefined> {
  const { reply, range } = await askForBlob(endpoint, request)
  if (reply.meaning !== 'ok') return undefined
  const { answer, peer, isAnonymous } = reply
  const codings = codingsOf(answer, peer)
  const { start, totalBytes, bodyBytes } = extentOf(answer, peer, range, codings.length > 0)
  answer.body.once('close', request.release)
  // The rest may then better come from another endpoint.
  answer.body.once('error', (error) => {
    if (!isOwnAbort(error)) endpoint.distrust(request.digest)
  })
  const body = openBody(answer, { bodyBytes, codings, peer })
  const abort = (): void => void answer.body.destroy()
  const isPart = answer.status === 206
  return { start, isPart, totalBytes, body, abort, isAnonymous, isOrigin: endpoint.isOrigin }
}

/** Some registries (`crane registry`) answer 416 to every range without an end: then the whole. */
async function askForBlob(
  endpoint: Endpoint,
  request: BlobRequest,
): Promise<{ readonly reply: Reply; readonly range: ByteRange | undefined }> {
  const { range, signal } = request
  try {
    return { reply: await endpoint.ask(questionOf(request, range), signal), range }
  } catch (error) {
    const isRefused = error instanceof AttemptError && error.status === 416
    if (!isRefused || !range || range.end !== undefined) throw error
    const reply = await endpoint.ask(questionOf(request, undefined), signal)
    return { reply, range: undefined }
  }
}

function questionOf(request: BlobRequest, range: ByteRange | undefined): Question {
  const { repository, digest, anonymously, limits } = request
  return {
    method: 'GET',
    repository,
    path: `blobs/${digest}`,
    headers: { accept: '*/*', ...(range && { range: rangeHeader(range) }) },
    headersTimeoutMs: limits.blobHeadersTimeoutMs,
    download: true,
    anonymously,
    ofContent: true,
  }
}

/** Broken off because we no longer wanted it, or because the mirror stops. */
function isOwnAbort(error: Error): boolean {
  return 'code' in error && /^UND_ERR_(?:ABORTED|DESTROYED|CLOSED)$/.test(String(error.code))
}

function extentOf(
  answer: Answer,
  peer: Peer,
  range: ByteRange | undefined,
  encoded: boolean,
): BodyExtent {
  const extent = bodyExtent(range, {
    status: answer.status,
    contentRange: header(answer, 'content-range'),
    contentLength: numberHeader(answer, 'content-length'),
    encoded,
  })
  if (typeof extent !== 'string') return extent
  answer.body.destroy()
  throw new AttemptError('bad-response', `${peer.registry}: ${peer.host} sent ${extent}`)
}
