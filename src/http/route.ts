// What a request under /v2 is about. Pure; works on the target as it stood on the wire.

export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  | { readonly kind: 'upload'; readonly name: string }
  | { readonly kind: 'unknown' }

export interface ParsedTarget {
  readonly route: Route
  readonly ns: string | undefined
}

/** `target` as in the request line: path, and a query if there is one. */
export function parseTarget(target: string): ParsedTarget {
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  const query = question < 0 ? '' : target.slice(question + 1)
  const ns = new URLSearchParams(query).get('ns')
  return { route: parsePath(path), ns: ns === null || ns === '' ? undefined : plain(ns) }
}

/** What goes back in a header and is compared without case has to be plain; no registry is called `?`. */
function plain(ns: string): string {
  return /^[\x21-\x7e]{1,255}$/.test(ns) ? ns : '?'
}

const UPLOADS = '/blobs/uploads'

/**
 * The keyword that counts is the last one: a repository's own components may be called `manifests`
 * or `blobs`.
 */
function parsePath(path: string): Route {
  if (path === '/v2' || path === '/v2/') return { kind: 'ping' }
  if (!path.startsWith('/v2/')) return { kind: 'unknown' }
  const rest = path.slice('/v2'.length)
  const manifests = rest.lastIndexOf('/manifests/')
  const blobs = rest.lastIndexOf('/blobs/')
  if (manifests > blobs) {
    const [name, reference] = split(rest, manifests, '/manifests/')
    return reference.includes('/') ? { kind: 'unknown' } : { kind: 'manifest', name, reference }
  }
  if (blobs < 0) return { kind: 'unknown' }
  const [name, digest] = split(rest, blobs, '/blobs/')
  if (`/blobs/${digest}/`.startsWith(`${UPLOADS}/`)) return { kind: 'upload', name }
  return digest.includes('/') ? { kind: 'unknown' } : { kind: 'blob', name, digest }
}

function split(rest: string, at: number, keyword: string): [string, string] {
  return [decode(rest.slice(1, at)), decode(rest.slice(at + keyword.length))]
}

/** Once: clients send `sha256:…` and `sha256%3A…` alike. What cannot be decoded names nothing. */
function decode(piece: string): string {
  try {
    return decodeURIComponent(piece)
  } catch {
    return piece
  }
}
