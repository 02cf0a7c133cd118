// A small registry in this process, fed with contents in memory or made on the fly, that follows a
// script of bad behaviour and logs every request. It honours Range and knows no pushes; /token
// hands out a token to whoever asks, and `needsToken` makes the rest ask for one.
import { randomUUID } from 'node:crypto'
import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import type { Certificate } from './certificates.ts'
import { bytesContent } from './content.ts'
import type { Content } from './content.ts'
import type { Image } from './images.ts'
import { closeServer, listen, trackSockets } from './net-ports.ts'
import { RequestLog } from './request-log.ts'
import { answerWith } from './scripted-answer.ts'
import type { GoodAnswer } from './scripted-answer.ts'
import { bearerChallenge, status } from './scripted-reply.ts'
import type { Reply, ScriptEntry } from './scripted-reply.ts'

interface Repository {
  readonly blobs: Map<string, Content>
  readonly manifests: Map<string, { readonly mediaType: string; readonly content: Content }>
  readonly tags: Map<string, string>
}

export interface UpstreamTls {
  readonly certificate: Certificate
  readonly clientAuthority?: string // PEM: only clients with a certificate of this one are served
}

export class ScriptedUpstream implements AsyncDisposable {
  url = ''
  connections = 0
  needsToken = false
  login: { readonly username: string; readonly password: string } | undefined
  // Repositories that only the login may read, and how the anonymous are refused.
  readonly needLogin = new Set<string>()
  refusesWith: 401 | 404 = 401
  readonly log = new RequestLog()
  readonly repositories = new Map<string, Repository>()
  readonly #script: { readonly entry: ScriptEntry; left: number }[] = []
  readonly #server: http.Server
  readonly #sockets: Set<Socket>
  readonly #tokens = new Set<string>()
  readonly #loginTokens = new Set<string>()
  #released = Promise.withResolvers<void>()

  private constructor(tls: UpstreamTls | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response)
    this.#server = tls ? https.createServer(tlsOptions(tls), serve) : http.createServer(serve)
    this.#server.keepAliveTimeout = 60_000
    this.#sockets = trackSockets(this.#server)
    this.#server.on('connection', () => (this.connections += 1))
  }

  static async start(tls?: UpstreamTls, host = '127.0.0.1'): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream(tls)
    upstream.url = `${tls ? 'https' : 'http'}://${host}:${await listen(upstream.#server, host)}`
    return upstream
  }

  addBlob(name: string, content: Content): string {
    this.#repository(name).blobs.set(content.digest, content)
    return content.digest
  }

  addImage(name: string, tag: string, image: Image): void {
    const repository = this.#repository(name)
    for (const [digest, content] of image.blobs) repository.blobs.set(digest, content)
    for (const [digest, { mediaType, bytes }] of image.manifests) {
      repository.manifests.set(digest, { mediaType, content: bytesContent(bytes) })
    }
    repository.tags.set(tag, image.top.digest)
  }

  tag(name: string, tag: string, digest: string | undefined): void {
    const { tags } = this.#repository(name)
    if (digest === undefined) tags.delete(tag)
    else tags.set(tag, digest)
  }

  // As if all had expired, whatever was said about their lifetime.
  revokeTokens(): void {
    this.#tokens.clear()
    this.#loginTokens.clear()
  }

  // Entries are tried in order; the first that matches and is not used up makes the answer.
  script(...entries: ScriptEntry[]): void {
    for (const entry of entries) this.#script.push({ entry, left: entry.times ?? Infinity })
  }

  clearScript(): void {
    this.#script.length = 0
  }

  // Lets all held headers and stalled bodies go on.
  release(): void {
    this.#released.resolve()
    this.#released = Promise.withResolvers()
  }

  async close(): Promise<void> {
    this.release()
    await closeServer(this.#server, this.#sockets)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #token(authorization: string | undefined): GoodAnswer {
    const { username, password } = this.login ?? {}
    const basic = Buffer.from(`${username}:${password}`).toString('base64')
    const isLogin = this.login !== undefined && authorization === `Basic ${basic}`
    if (authorization !== undefined && !isLogin) return json({ details: 'wrong login' }, 401)
    const token = randomUUID()
    this.#tokens.add(token)
    if (isLogin) this.#loginTokens.add(token)
    return json({ token, expires_in: 300 })
  }

  #repository(name: string): Repository {
    let repository = this.repositories.get(name)
    if (repository === undefined) {
      repository = { blobs: new Map(), manifests: new Map(), tags: new Map() }
      this.repositories.set(name, repository)
    }
    return repository
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/', headers } = request
    const logged = this.log.add({ method, url, headers })
    const reply = this.#challenge(url, headers.authorization) ?? this.#scripted(method, url)
    const released = this.#released.promise
    response.on('error', () => {}) // the log tells
    await answerWith({
      response,
      logged,
      released,
      good: this.#good(url, headers.authorization),
      reply,
    })
  }

  #challenge(url: string, authorization = ''): Reply | undefined {
    const name = /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(url)?.[1]
    const isPrivate = name !== undefined && this.needLogin.has(name)
    if (!(this.needsToken || isPrivate) || !url.startsWith('/v2/')) return undefined
    const token = authorization.replace(/^Bearer /i, '')
    if ((isPrivate ? this.#loginTokens : this.#tokens).has(token)) return undefined
    if (this.#tokens.has(token) && this.refusesWith === 404) return status(404)
    return bearerChallenge(`${this.url}/token`, name === undefined ? '' : `repository:${name}:pull`)
  }

  #scripted(method: string, url: string): Reply {
    for (const item of this.#script) {
      const { entry } = item
      if (item.left <= 0 || (entry.method !== undefined && entry.method !== method)) continue
      const { path } = entry
      if (typeof path === 'string' && !url.includes(path)) continue
      if (path instanceof RegExp && !path.test(url)) continue
      item.left -= 1
      return entry.reply
    }
    return {}
  }

  #good(url: string, authorization: string | undefined): GoodAnswer {
    const { pathname } = new URL(url, this.url)
    if (pathname === '/v2/' || pathname === '/v2') return json({})
    if (pathname === '/token') return this.#token(authorization)
    const [, name = '', kind = '', reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/.exec(pathname) ?? []
    const repository = this.repositories.get(name)
    if (repository === undefined) return missing('NAME_UNKNOWN')
    if (kind === 'tags') return json({ name, tags: [...repository.tags.keys()].toSorted() })
    if (kind === 'blobs') {
      const content = repository.blobs.get(reference)
      if (content === undefined) return missing('BLOB_UNKNOWN')
      return { status: 200, mediaType: 'application/octet-stream', digest: reference, content }
    }
    const digest = repository.tags.get(reference) ?? reference
    const manifest = repository.manifests.get(digest)
    return manifest === undefined
      ? missing('MANIFEST_UNKNOWN')
      : { status: 200, digest, ...manifest }
  }
}

function tlsOptions({ certificate, clientAuthority }: UpstreamTls): https.ServerOptions {
  const { certificate: cert, key } = certificate
  if (clientAuthority === undefined) return { cert, key }
  return { cert, key, ca: clientAuthority, requestCert: true, rejectUnauthorized: true }
}

function json(value: object, code = 200): GoodAnswer {
  const content = bytesContent(Buffer.from(JSON.stringify(value)))
  return { status: code, mediaType: 'application/json', content }
}

function missing(code: string): GoodAnswer {
  return json({ errors: [{ code, message: 'not here' }] }, 404)
}
