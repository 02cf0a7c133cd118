// A blob answer as a response: whole, one range, or several.

import { randomBytes } from 'node:crypto'
import type { BodyPart } from '../lib/byte-source.ts'
import type { Exchange } from '../lib/exchange.ts'
import type { BlobAnswer, BlobWindow } from '../mirror/blob-answer.ts'
import type { Digest } from '../oci/digest.ts'
import { RequestError } from '../errors.ts'
import { errorResponse, failureOf } from './error-response.ts'
import { cacheStatus, IMMUTABLE, matchesEtag } from './headers.ts'
import { parseRange } from './range.ts'
import type { Ranges } from './range.ts'

const OCTETS = 'application/octet-stream'

export function blobHeaders(digest: Digest): Headers {
  return new Headers({
    'Content-Type': OCTETS,
    'Docker-Content-Digest': digest,
    ETag: `"${digest}"`,
    'Accept-Ranges': 'bytes',
    'Cache-Control': IMMUTABLE,
  })
}

export function blobHeadResponse(digest: Digest, sizeBytes: number): Response {
  const headers = blobHeaders(digest)
  headers.set('Content-Length', String(sizeBytes))
  return new Response(null, { headers })
}

/** Puts the body into the exchange, or lets the answer go where there is none to send. */
export function blobResponse(
  answer: BlobAnswer,
  digest: Digest,
  request: Request,
  exchange: Exchange,
): Response {
  const headers = blobHeaders(digest)
  headers.set('Cache-Status', cacheStatus(answer.how))
  if (matchesEtag(exchange.ifNoneMatch, digest)) {
    answer.dismiss()
    headers.delete('Content-Type')
    return new Response(null, { status: 304, headers })
  }
  const ranges = rangesOf(request, digest, answer.sizeBytes)
  if (ranges === 'unsatisfiable') {
    answer.dismiss()
    return unsatisfiable(answer.sizeBytes)
  }
  if (ranges === 'whole') return wholeResponse(answer, headers, exchange)
  const sizeBytes = answer.sizeBytes as number
  const [only, ...others] = ranges
  return only && others.length === 0
    ? rangeResponse(answer, only, sizeBytes, headers, exchange)
    : multipartResponse(answer, ranges, sizeBytes, headers, exchange)
}

/** Without a size no range can be answered; If-Range with another ETag asks for the whole. */
function rangesOf(request: Request, digest: Digest, sizeBytes: number | undefined): Ranges {
  if (sizeBytes === undefined) return 'whole'
  const condition = request.headers.get('If-Range')
  if (condition !== null && !matchesEtag(condition, digest)) return 'whole'
  return parseRange(request.headers.get('Range') ?? undefined, sizeBytes)
}

function wholeResponse(answer: BlobAnswer, headers: Headers, exchange: Exchange): Response {
  const { sizeBytes } = answer
  if (sizeBytes !== undefined) headers.set('Content-Length', String(sizeBytes))
  const part = sizeBytes === undefined ? { start: 0 } : { start: 0, end: sizeBytes }
  exchange.body = { source: answer.source(undefined), parts: [part] }
  return new Response(null, { headers })
}

function rangeResponse(
  answer: BlobAnswer,
  window: BlobWindow,
  sizeBytes: number,
  headers: Headers,
  exchange: Exchange,
): Response {
  headers.set('Content-Length', String(window.end - window.start))
  headers.set('Content-Range', contentRange(window, sizeBytes))
  exchange.body = { source: answer.source([window]), parts: [window] }
  return new Response(null, { status: 206, headers })
}

/** RFC 9110 section 14.6. Podman wants one part for each range it asked for, in its order. */
function multipartResponse(
  answer: BlobAnswer,
  windows: readonly BlobWindow[],
  sizeBytes: number,
  headers: Headers,
  exchange: Exchange,
): Response {
  const boundary = randomBytes(16).toString('hex')
  const parts: BodyPart[] = windows.flatMap((window, index) => [
    Buffer.from(
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${OCTETS}\r\n` +
        `Content-Range: ${contentRange(window, sizeBytes)}\r\n\r\n`,
    ),
    window,
  ])
  parts.push(Buffer.from(`\r\n--${boundary}--\r\n`))
  const length = parts.reduce((sum, part) => sum + partBytes(part), 0)
  headers.set('Content-Type', `multipart/byteranges; boundary=${boundary}`)
  headers.set('Content-Length', String(length))
  exchange.body = { source: answer.source(windows), parts }
  return new Response(null, { status: 206, headers })
}

function partBytes(part: BodyPart): number {
  return part instanceof Uint8Array ? part.byteLength : (part.end ?? 0) - part.start
}

function contentRange(window: BlobWindow, sizeBytes: number): string {
  return `bytes ${window.start}-${window.end - 1}/${sizeBytes}`
}

function unsatisfiable(sizeBytes: number | undefined): Response {
  const failure = failureOf(
    new RequestError('RANGE_INVALID', `the blob has ${sizeBytes ?? 'an unknown number of'} bytes`),
  )
  const headers = { 'Content-Range': `bytes */${sizeBytes ?? '*'}` }
  return errorResponse({ ...failure, headers }, 'GET')
}
