// Any failure as status and OCI error body, in one table.

import { IntegrityError, RequestError, StoreError, UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'
import { ERROR_CODES } from '../oci/error-code.ts'
import type { ErrorCode } from '../oci/error-code.ts'

export interface Failure {
  readonly status: number
  readonly code: ErrorCode
  readonly message: string
  /** For the log, where that tells more. */
  readonly logMessage?: string
  readonly detail?: unknown
  readonly headers?: Record<string, string>
}

/** When upstream said nothing of when to come back. */
const RETRY_AFTER_SECONDS = 30
/** Upstream may ask for hours, and is asked again sooner. */
const RETRY_AFTER_MAX_SECONDS = 300

/**
 * Never 429 for upstream's 429: containerd answers that with five immediate attempts, podman waits up
 * to a minute for each. On 502 to 504 both go on to the origin at once.
 */
const UPSTREAM: Record<UpstreamErrorKind, { status: number; code: ErrorCode }> = {
  unreachable: { status: 502, code: 'UNAVAILABLE' },
  'timed-out': { status: 504, code: 'UNAVAILABLE' },
  'rate-limited': { status: 503, code: 'UNAVAILABLE' },
  'not-visible': { status: 404, code: 'NAME_UNKNOWN' },
  unauthorized: { status: 403, code: 'DENIED' },
  'bad-response': { status: 502, code: 'UNAVAILABLE' },
  'set-aside': { status: 503, code: 'UNAVAILABLE' },
  offline: { status: 404, code: 'NAME_UNKNOWN' },
}

export function failureOf(error: unknown): Failure {
  if (error instanceof RequestError) {
    const { code, message, detail } = error
    // Clients put the word before it themselves.
    const logged = code === 'DENIED' ? { logMessage: `denied: ${message}` } : {}
    return { status: ERROR_CODES[code].status, code, message, detail, ...logged }
  }
  if (error instanceof UpstreamError) {
    const { status, code } = UPSTREAM[error.kind]
    const toldSeconds = Math.ceil((error.retryAfterMs ?? RETRY_AFTER_SECONDS * 1000) / 1000)
    const seconds = Math.min(toldSeconds, RETRY_AFTER_MAX_SECONDS)
    const headers = status === 503 ? { headers: { 'Retry-After': String(seconds) } } : {}
    const { message: logMessage, publicMessage: message } = error
    return { status, code, message, logMessage, ...headers }
  }
  if (error instanceof IntegrityError) {
    return { status: 502, code: 'UNAVAILABLE', message: error.message }
  }
  if (error instanceof StoreError) {
    const message = 'the disk of the mirror is full or failing; see its log'
    const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS) }
    return { status: 503, code: 'UNAVAILABLE', message, headers }
  }
  const { status, message } = ERROR_CODES.UNKNOWN
  return { status, code: 'UNKNOWN', message: `${message}; see the mirror's log` }
}

/** A HEAD gets the same headers and no body. */
export function errorResponse(failure: Failure, method: string): Response {
  const { status, code, message, detail, headers } = failure
  const body = JSON.stringify({ errors: [{ code, message, detail }] })
  return new Response(method === 'HEAD' ? null : body, {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
      ...headers,
    },
  })
}
