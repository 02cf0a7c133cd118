// A manifest answer as a response.

import type { ManifestAnswer } from '../mirror/mirror.ts'
import type { Reference } from '../oci/name.ts'
import { cacheStatus, IMMUTABLE, matchesEtag, REVALIDATE, warning } from './headers.ts'

export function manifestResponse(
  answer: ManifestAnswer,
  reference: Reference,
  request: Request,
): Response {
  const headers = new Headers({
    'Docker-Content-Digest': answer.digest,
    ETag: `"${answer.digest}"`,
    'Cache-Control': 'tag' in reference ? REVALIDATE : IMMUTABLE,
    'Cache-Status': cacheStatus(answer.how),
  })
  if (answer.staleBecause) headers.set('Warning', warning(answer.staleBecause.publicMessage))
  if (matchesEtag(request.headers.get('If-None-Match'), answer.digest)) {
    return new Response(null, { status: 304, headers })
  }
  headers.set('Content-Type', answer.mediaType)
  headers.set('Content-Length', String(answer.sizeBytes))
  // The bytes are never shared memory: they come from a row or from the wire.
  const bytes = answer.bytes as Uint8Array<ArrayBuffer> | undefined
  return new Response(request.method === 'HEAD' ? null : (bytes ?? null), { headers })
}
