// A manifest answer as a response.

import type { Exchange } from '../lib/exchange.ts'
import type { ManifestAnswer } from '../mirror/mirror.ts'
import type { Reference } from '../oci/name.ts'
import { cacheStatus, IMMUTABLE, matchesEtag, REVALIDATE, warning } from './headers.ts'

export interface ManifestResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array<ArrayBuffer> | undefined
}

/** Comes of nothing but what it is given: of the exchange, of what remembered-answers.ts tells apart. */
export function manifestResponse(
  answer: ManifestAnswer,
  reference: Reference,
  { method, ifNoneMatch }: Exchange,
): ManifestResponse {
  const headers = new Headers({
    'Docker-Content-Digest': answer.digest,
    ETag: `"${answer.digest}"`,
    'Cache-Control': 'tag' in reference ? REVALIDATE : IMMUTABLE,
    'Cache-Status': cacheStatus(answer.how),
  })
  if (answer.staleBecause) headers.set('Warning', warning(answer.staleBecause.publicMessage))
  if (matchesEtag(ifNoneMatch, answer.digest)) return { status: 304, headers, body: undefined }
  headers.set('Content-Type', answer.mediaType)
  headers.set('Content-Length', String(answer.sizeBytes))
  // The bytes are never shared memory: they come from a row or from the wire.
  const bytes = answer.bytes as Uint8Array<ArrayBuffer> | undefined
  return { status: 200, headers, body: method === 'HEAD' ? undefined : bytes }
}
