// What a request is about, by its target alone. Pure; works on the target as it stood on the wire.

export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: string }
  | ({ readonly kind: 'tags'; readonly name: string } & Paged)
  | ({ readonly kind: 'referrers'; readonly name: string; readonly digest: string } & Paged)
  | ({ readonly kind: 'catalog' } & Paged)
  | { readonly kind: 'upload'; readonly name: string }
  /** Below `/v2/`, and nothing that a registry has. */
  | { readonly kind: 'unknown' }
  /** The API of registries before 2015. */
  | { readonly kind: 'version-1' }
  /** Without `/v2/`; `first` is the first component where the rest would be right behind one. */
  | { readonly kind: 'outside'; readonly first: string | undefined }
  /** `GET http://other/v2/`, as one asks a proxy. */
  | { readonly kind: 'absolute' }

interface Paged {
  /**
   * The path as the client wrote it, up to the repository's name (of the catalog: up to `/v2`): a
   * `Link` to the next page has to be in the client's own form of address.
   */
  readonly base: string
}

export interface ParsedTarget {
  readonly route: Route
  /** The path before `/v2`, decoded, without its first slash: `a/b` of `/a/b/v2/`. */
  readonly prefix: string | undefined
  readonly query: Query
}

export interface Query {
  readonly ns: string | undefined
  /** As written: whether it is a number is for whoever pages to say. */
  readonly n: string | undefined
  readonly last: string | undefined
  readonly artifactTypes: readonly string[]
}

/** `target` as in the request line: path, and a query if there is one. Never throws. */
export function parseTarget(target: string): ParsedTarget {
  const question = target.indexOf('?')
  const path = question < 0 ? target : target.slice(0, question)
  const query = parseQuery(question < 0 ? '' : target.slice(question + 1))
  if (!path.startsWith('/')) return { route: { kind: 'absolute' }, prefix: undefined, query }
  const api = /^(.*?)\/v([12])(?:\/.*)?$/s.exec(path)
  if (!api) return { route: outside(path), prefix: undefined, query }
  const [, before = '', version] = api
  if (version === '1') return { route: { kind: 'version-1' }, prefix: undefined, query }
  const prefix = before === '' ? undefined : decode(before.slice(1))
  return { route: below(path, before.length + '/v2'.length), prefix, query }
}

const NO_QUERY: Query = { ns: undefined, n: undefined, last: undefined, artifactTypes: [] }

function parseQuery(text: string): Query {
  if (text === '') return NO_QUERY
  const query = new URLSearchParams(text)
  const given = (name: string): string | undefined => query.get(name) || undefined
  const ns = given('ns')
  return {
    ns: ns === undefined ? undefined : plain(ns),
    n: given('n'),
    last: given('last'),
    artifactTypes: query.getAll('artifactType').filter((type) => type !== ''),
  }
}

/** What goes back in a header and is compared without case has to be plain; no registry is called `?`. */
function plain(ns: string): string {
  return /^[\x21-\x7e]{1,255}$/.test(ns) ? ns : '?'
}

/**
 * The keyword that counts is the last one: a repository's own components may be called `manifests`
 * or `blobs`.
 */
function below(path: string, root: number): Route {
  const rest = path.slice(root)
  if (rest === '' || rest === '/') return { kind: 'ping' }
  if (rest === '/_catalog') return { kind: 'catalog', base: path.slice(0, root) }
  if (rest.endsWith('/tags/list')) {
    const base = path.slice(0, -'/tags/list'.length)
    return { kind: 'tags', base, name: decode(base.slice(root + 1)) }
  }
  const found = /^(.*)\/(manifests|blobs|referrers)\/(.*)$/s.exec(rest)
  if (!found) return { kind: 'unknown' }
  const [, before = '', keyword, tail = ''] = found
  const name = decode(before.slice(1))
  if (keyword === 'blobs' && /^uploads(?:\/|$)/.test(tail)) return { kind: 'upload', name }
  if (tail.includes('/')) return { kind: 'unknown' }
  const last = decode(tail)
  if (keyword === 'manifests') return { kind: 'manifest', name, reference: last }
  if (keyword === 'blobs') return { kind: 'blob', name, digest: last }
  return { kind: 'referrers', base: path.slice(0, root) + before, name, digest: last }
}

/** containerd's old configuration and K3s put a mirror URL's path in the place of `/v2`. */
function outside(path: string): Route {
  const found = /^\/([^/]+)\/.*(?:\/(?:manifests|blobs|referrers)\/|\/tags\/list$)/s.exec(path)
  return { kind: 'outside', first: found?.[1] }
}

/** Once: clients send `sha256:…` and `sha256%3A…` alike. What cannot be decoded names nothing. */
function decode(piece: string): string {
  try {
    return decodeURIComponent(piece)
  } catch {
    return piece
  }
}
