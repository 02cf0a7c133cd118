// The registry API over a Mirror, as a Web-standard application: Request in, Response out.

import { Hono } from 'hono'
import { RequestError, StoreError } from '../errors.ts'
import type { Exchange } from '../lib/exchange.ts'
import type { Logger } from '../lib/log.ts'
import type { Mirror } from '../mirror/mirror.ts'
import { parseDigest } from '../oci/digest.ts'
import { imageName, parseReference } from '../oci/name.ts'
import type { Reference, Repository } from '../oci/name.ts'
import { blobHeadResponse, blobResponse } from './blobs.ts'
import { errorResponse, failureOf } from './error-response.ts'
import { manifestResponse } from './manifests.ts'
import type { PullLog } from './pull-log.ts'
import { parseTarget } from './route.ts'
import type { ParsedTarget, Route } from './route.ts'

export interface AppOptions {
  readonly mirror: Mirror
  readonly pulls: PullLog
  readonly log: Logger
  readonly version: string
}

type Bindings = { readonly exchange: Exchange }

/** `fetch` takes the exchange as its environment: `app.fetch(request, { exchange })`. */
export function registryApp(options: AppOptions): Hono<{ Bindings: Bindings }> {
  const app = new Hono<{ Bindings: Bindings }>()
  app.get('/', (context) => context.text(welcome(options.version)))
  app.get('/healthz', (context) => context.text('ok\n'))
  app.all('*', async (context) => {
    const { exchange } = context.env
    const isRegistry = /^\/v2(?:[/?]|$)/.test(exchange.target)
    if (!isRegistry) return context.text('regmirror serves /v2/ only\n', 404)
    const response = await answer(context.req.raw, exchange, options)
    response.headers.set('Docker-Distribution-API-Version', 'registry/2.0')
    response.headers.set('X-Content-Type-Options', 'nosniff')
    return response
  })
  app.onError((error, context) => {
    const { exchange } = context.env
    exchange.body?.source.release()
    delete exchange.body
    options.log.error(`a request failed: ${error.message}`, { error })
    return errorResponse(failureOf(error), 'GET')
  })
  return app
}

async function answer(
  request: Request,
  exchange: Exchange,
  options: AppOptions,
): Promise<Response> {
  const parsed = parseTarget(exchange.target)
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuseWrite(request, parsed)
  switch (parsed.route.kind) {
    case 'ping':
      return new Response(request.method === 'HEAD' ? null : '{}', {
        headers: { 'Content-Type': 'application/json', 'Content-Length': '2' },
      })
    case 'manifest':
    case 'blob':
      return await answerContent(request, exchange, options, parsed)
    case 'upload':
      return errorResponse(
        failureOf(new RequestError('BLOB_UPLOAD_UNKNOWN', 'a mirror takes no uploads')),
        request.method,
      )
    case 'unknown':
      return errorResponse(
        failureOf(new RequestError('NAME_UNKNOWN', 'regmirror serves no such address')),
        request.method,
      )
  }
}

/** Everything that is answered out of a repository; failures here are what people ask about. */
async function answerContent(
  request: Request,
  exchange: Exchange,
  options: AppOptions,
  { route, ns }: ParsedTarget,
): Promise<Response> {
  let what = exchange.target
  let nsUsed = false
  let response: Response
  try {
    if (route.kind !== 'manifest' && route.kind !== 'blob') throw new Error('not a content route')
    const target = options.mirror.target({ name: route.name, ns })
    if ('refused' in target) {
      const code = target.refused === 'name-invalid' ? 'NAME_INVALID' : 'NAME_UNKNOWN'
      throw new RequestError(code, target.message, { name: route.name })
    }
    nsUsed = target.nsUsed
    const { repository } = target
    const reference = requireReference(route)
    what = imageName(repository, reference)
    response =
      route.kind === 'manifest'
        ? await answerManifest(request, exchange, options, repository, reference)
        : await answerBlob(request, exchange, options, repository, reference)
  } catch (error) {
    const failure = failureOf(error)
    const isOurs = failure.code === 'UNKNOWN' || error instanceof StoreError
    if (isOurs) options.log.error(`${what}: ${String(error)}`, { error })
    options.pulls.failed(exchange.client, what, failure)
    response = errorResponse(failure, request.method)
  }
  if (nsUsed && ns !== undefined) response.headers.set('OCI-Namespace', ns)
  return response
}

/** The conformance suite wants 404 for a malformed tag and accepts 400 for a malformed digest. */
function requireReference(route: Extract<Route, { kind: 'manifest' | 'blob' }>): Reference {
  const text = route.kind === 'manifest' ? route.reference : route.digest
  const reference = parseReference(text)
  if (reference && (route.kind === 'manifest' || 'digest' in reference)) return reference
  if (route.kind === 'manifest' && !text.includes(':')) {
    throw new RequestError('MANIFEST_UNKNOWN', 'that is not a tag', { Tag: text.slice(0, 200) })
  }
  throw new RequestError('DIGEST_INVALID', 'that is not a sha256 or sha512 digest', {
    Digest: text.slice(0, 200),
  })
}

async function answerManifest(
  request: Request,
  exchange: Exchange,
  { mirror, pulls }: AppOptions,
  repository: Repository,
  reference: Reference,
): Promise<Response> {
  const want = request.method === 'HEAD' ? 'head' : 'bytes'
  const found = await mirror.manifest(repository, reference, want)
  if (!found) {
    const detail = 'tag' in reference ? { Tag: reference.tag } : { Digest: reference.digest }
    const name = imageName(repository, reference)
    throw new RequestError('MANIFEST_UNKNOWN', `manifest unknown: ${name}`, detail)
  }
  pulls.manifest(exchange.client, repository, reference, found)
  return manifestResponse(found, reference, request)
}

async function answerBlob(
  request: Request,
  exchange: Exchange,
  { mirror, pulls }: AppOptions,
  repository: Repository,
  reference: Reference,
): Promise<Response> {
  const digest = 'digest' in reference ? reference.digest : parseDigest('')
  if (!digest) throw new Error('blobs have digests only')
  // HEAD first of all: it must open no file and start no download.
  if (request.method === 'HEAD') {
    const sizeBytes = await mirror.blobSize(repository, digest)
    if (sizeBytes === undefined) throw blobUnknown(digest)
    return blobHeadResponse(digest, sizeBytes)
  }
  const found = await mirror.blob(repository, digest)
  if (!found) throw blobUnknown(digest)
  exchange.sent = pulls.blob(exchange.client, repository, digest, found.how)
  const response = blobResponse(found, digest, request, exchange)
  if (!exchange.body) exchange.sent(0, true)
  return response
}

function blobUnknown(digest: string): RequestError {
  return new RequestError('BLOB_UNKNOWN', 'blob unknown to registry', { digest })
}

/** Closing keeps a body that nobody reads from being taken for the next request. */
function refuseWrite(request: Request, { route }: ParsedTarget): Response {
  const failure = failureOf(
    new RequestError('UNSUPPORTED', 'this registry is a read-only pull-through mirror', {
      method: request.method,
      ...('name' in route ? { name: route.name } : {}),
    }),
  )
  const headers = { Allow: 'GET, HEAD', Connection: 'close' }
  return errorResponse({ ...failure, headers }, request.method)
}

function welcome(version: string): string {
  return `regmirror ${version}: a mirror of container registries. Point your clients at /v2/.\n`
}
