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
import type { Endpoint } from './endpoint.ts'
import type { UpstreamLimits } from './limits.ts'
import type { Peer } from './transport-failure.ts'
import type { OpenedBlob } from './upstream.ts'

export interface BlobRequest {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly range: ByteRange | undefined
  readonly limits: UpstreamLimits
  /** Ends with the opening: it must not abort the body later. */
  readonly signal: AbortSignal
  /** Called when the connection of an opened blob is done with. */
  readonly release: () => void
}

export async function openBlobOnce(
  endpoint: Endpoint,
  request: BlobRequest,
): Promise<OpenedBlob | undefined> {
  const { repository, digest, range, limits, signal, release } = request
  const question = {
    method: 'GET',
    repository,
    path: `blobs/${digest}`,
    headers: { accept: '*/*', ...(range && { range: rangeHeader(range) }) },
    headersTimeoutMs: limits.blobHeadersTimeoutMs,
    download: true,
  } as const
  const reply = await endpoint.ask(question, signal)
  if (reply.meaning !== 'ok') return undefined
  const { answer, peer } = reply
  const codings = codingsOf(answer, peer)
  const { start, totalBytes, bodyBytes } = extentOf(answer, peer, range, codings.length > 0)
  answer.body.once('close', release)
  const body = openBody(answer, { bodyBytes, codings, peer })
  return { start, totalBytes, body, abort: () => void answer.body.destroy() }
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
