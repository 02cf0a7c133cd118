// The ways in which a scripted upstream can answer otherwise than a good registry would. A reply
// changes only what it names; the rest of the answer stays as it would have been.
import type { RequestFilter } from './request-log.ts'

export interface Reply {
  readonly status?: number // alone: with `body` or no body in place of the object
  readonly headers?: Readonly<Record<string, string | null>> // null removes one
  readonly body?: string | Buffer
  readonly holdHeaders?: boolean // no answer at all until release()
  readonly cut?: { readonly after: number; readonly by: 'fin' | 'rst' } // bytes of body
  readonly stall?: { readonly after: number } // until release()
  readonly flip?: number // the body's byte at this offset is wrong
  readonly short?: number // ends cleanly after so many bytes, under chunked encoding
  readonly chunked?: boolean // no Content-Length
  readonly gzip?: boolean // Content-Encoding: gzip, although not asked for
  readonly ignoreRange?: boolean
}

export interface ScriptEntry extends RequestFilter {
  readonly times?: number // default: every time
  readonly reply: Reply
}

export function status(code: number, headers: Readonly<Record<string, string>> = {}): Reply {
  const body = JSON.stringify({ errors: [{ code: 'SCRIPTED', message: `scripted ${code}` }] })
  return { status: code, headers: { 'content-type': 'application/json', ...headers }, body }
}

export function tooManyRequests(retryAfter?: number | string): Reply {
  return status(429, retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) })
}

// The realm may be the upstream's own /token, which gives a token that is never good enough.
export function bearerChallenge(realm: string, scope: string, service = 'scripted'): Reply {
  const challenge = `Bearer realm="${realm}",service="${service}",scope="${scope}"`
  return status(401, { 'www-authenticate': challenge })
}

export function htmlPage(code = 200): Reply {
  const body = '<!doctype html><title>Sign in</title><p>Please accept the terms of this network.'
  return { status: code, headers: { 'content-type': 'text/html' }, body }
}

export function redirect(location: string, code = 307): Reply {
  return { status: code, headers: { location }, body: '' }
}

export function digestHeader(value: string | null): Reply {
  return { headers: { 'docker-content-digest': value } }
}

export const HEAD_REFUSED: ScriptEntry = { method: 'HEAD', reply: status(405) }
