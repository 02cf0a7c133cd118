// A registry with its token server and its storage, three servers in this process, that behaves as
// its manners say and holds one image. It checks what a real one would check: who sends a token or a
// login where it does not belong is refused.
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { parseRange } from './byte-range.ts'
import { readAll } from './content.ts'
import type { Image } from './images.ts'
import { closeServer, listen, trackSockets } from './net-ports.ts'

export type Host = 'registry' | 'realm' | 'storage'

export interface Asked {
  readonly host: Host
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: http.IncomingHttpHeaders
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

export type Handler = (asked: Asked, double: RegistryDouble) => Answer

export type Manners = Readonly<Partial<Record<Host, Handler>>>

export class RegistryDouble implements AsyncDisposable {
  readonly name: string
  readonly image: Image
  readonly log: Asked[] = []
  /** The next blob ends after so many bytes. */
  cutNextBlobAt: number | undefined
  readonly #manners: Manners
  readonly #urls = new Map<Host, string>()
  readonly #servers: { readonly server: http.Server; readonly sockets: Set<Socket> }[] = []
  readonly #tokens = new Map<string, string>()
  readonly #signatures = new Set<string>()

  private constructor(name: string, image: Image, manners: Manners) {
    this.name = name
    this.image = image
    this.#manners = manners
  }

  // `name`: of the one repository.
  static async start(name: string, image: Image, manners: Manners): Promise<RegistryDouble> {
    const double = new RegistryDouble(name, image, manners)
    for (const host of ['registry', 'realm', 'storage'] as const) await double.#open(host)
    return double
  }

  url(host: Host): string {
    return this.#urls.get(host) ?? ''
  }

  // How often each was asked since the last call.
  counts(): Record<Host, number> {
    const counts = { registry: 0, realm: 0, storage: 0 }
    for (const { host } of this.log) counts[host] += 1
    this.log.length = 0
    return counts
  }

  newToken(scope: string): string {
    const token = randomUUID()
    this.#tokens.set(token, scope)
    return token
  }

  expireTokens(): void {
    this.#tokens.clear()
  }

  scopeOf({ headers }: Asked): string | undefined {
    const [, token = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? []
    return this.#tokens.get(token)
  }

  sign(): string {
    const signature = randomUUID()
    this.#signatures.add(signature)
    return signature
  }

  expireSignatures(): void {
    this.#signatures.clear()
  }

  isSigned({ query }: Asked): boolean {
    return this.#signatures.has(query.get('signature') ?? '')
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map(({ server, sockets }) => closeServer(server, sockets)))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #open(host: Host): Promise<void> {
    const server = http.createServer((request, response) => this.#serve(host, request, response))
    this.#servers.push({ server, sockets: trackSockets(server) })
    this.#urls.set(host, `http://127.0.0.1:${await listen(server)}`)
  }

  #serve(host: Host, request: IncomingMessage, response: ServerResponse): void {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://localhost')
    const { method = '', headers } = request
    const asked = { host, method, path, query, headers }
    this.log.push(asked)
    const handler = this.#manners[host] ?? (() => error(500, 'UNKNOWN'))
    this.#send(asked, handler(asked, this), response)
  }

  #send({ method }: Asked, { status, headers = {}, body = '' }: Answer, response: ServerResponse) {
    response.on('error', () => {})
    response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers })
    const isBlob = headers['accept-ranges'] !== undefined && method === 'GET'
    const cut = isBlob ? this.cutNextBlobAt : undefined
    if (cut === undefined || body.length <= cut) {
      return void response.end(method === 'HEAD' ? undefined : body)
    }
    this.cutNextBlobAt = undefined
    response.write(body.slice(0, cut), () => response.socket?.destroySoon())
  }
}

export function json(value: object, status = 200, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify(value)
  return { status, headers: { 'content-type': 'application/json', ...headers }, body }
}

export function error(status: number, code: string, headers: Record<string, string> = {}): Answer {
  return json({ errors: [{ code, message: 'as the double behaves' }] }, status, headers)
}

/** What is asked for below a repository; undefined for `/v2/`. */
export function target({ path }: Asked) {
  const [, name = '', kind = '', reference = ''] =
    /^\/v2\/(.+)\/(manifests|blobs|referrers|tags)\/([^/]+)$/.exec(path) ?? []
  return name === '' ? undefined : { name, kind, reference }
}

// A registry without manners: everything by the specification, to everybody.
export const plain: Handler = (asked, double) => {
  const wanted = target(asked)
  if (!wanted) return json({})
  if (wanted.name !== double.name) return error(404, 'NAME_UNKNOWN')
  if (wanted.kind === 'blobs') return blob(asked, double, wanted.reference)
  return wanted.kind === 'manifests'
    ? manifest(double, wanted.reference)
    : error(404, 'UNSUPPORTED')
}

function manifest({ image }: RegistryDouble, reference: string): Answer {
  const digest = reference.startsWith('sha256:') ? reference : image.top.digest
  const found = image.manifests.get(digest)
  if (!found || (digest !== reference && reference !== '1')) return error(404, 'MANIFEST_UNKNOWN')
  const headers = { 'content-type': found.mediaType, 'docker-content-digest': digest }
  return { status: 200, headers, body: found.bytes }
}

export function blob({ headers: { range } }: Asked, { image }: RegistryDouble, digest: string) {
  const content = image.blobs.get(digest)
  if (!content) return error(404, 'BLOB_UNKNOWN')
  const part = parseRange(range, content.size)
  const headers = { 'content-type': 'application/octet-stream', 'accept-ranges': 'bytes' }
  if (part === 'unsatisfiable') return error(416, 'RANGE_INVALID')
  if (!part) return { status: 200, headers, body: readAll(content) }
  const { start, end } = part
  const contentRange = `bytes ${start}-${end - 1}/${content.size}`
  const body = readAll(content, start, end)
  return { status: 206, headers: { ...headers, 'content-range': contentRange }, body }
}

// Encodes what is JSON although nobody accepts it.
export function gzipped(inner: Handler): Handler {
  return (asked, double) => {
    const answer = inner(asked, double)
    if (!answer.headers?.['content-type']?.endsWith('json')) return answer
    const body = gzipSync(answer.body ?? '')
    return { ...answer, headers: { ...answer.headers, 'content-encoding': 'gzip' }, body }
  }
}

export function without(header: string, inner: Handler): Handler {
  return (asked, double) => {
    const answer = inner(asked, double)
    const headers = Object.entries(answer.headers ?? {}).filter(([name]) => name !== header)
    return { ...answer, headers: Object.fromEntries(headers) }
  }
}

// Blobs by a redirect, from here or, with a signature, from storage.
export function blobsAt(place: 'storage' | 'here', inner: Handler): Handler {
  return (asked, double) => {
    const wanted = target(asked)
    if (wanted?.kind !== 'blobs') {
      const path = /^\/artifacts-downloads\/(.+)$/.exec(asked.path)?.[1]
      return path === undefined ? inner(asked, double) : blob(asked, double, path)
    }
    if (!double.image.blobs.has(wanted.reference)) return error(404, 'BLOB_UNKNOWN')
    const location =
      place === 'here'
        ? `/artifacts-downloads/${wanted.reference}`
        : `${double.url('storage')}/${wanted.reference}?signature=${double.sign()}`
    return { status: 307, headers: { location } }
  }
}

// As S3 and its like: signed for GET alone, and never with a login beside the signature.
export const signedStorage: Handler = (asked, double) => {
  const xml = { 'content-type': 'application/xml' }
  const refuse = (status: number, code: string): Answer => {
    return { status, headers: xml, body: `<Error><Code>${code}</Code></Error>` }
  }
  if (asked.headers.authorization !== undefined) return refuse(400, 'InvalidRequest')
  if (asked.method !== 'GET') return refuse(403, 'SignatureDoesNotMatch')
  if (!double.isSigned(asked)) return refuse(403, 'AccessDenied')
  return blob(asked, double, asked.path.slice(1))
}
