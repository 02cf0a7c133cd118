// The registry API over a Mirror, as a Web-standard application: Request in, Response out.

import { Hono } from 'hono'
import { RequestError } from '../errors.ts'
import type { Exchange } from '../lib/exchange.ts'
import { addressOf, served } from './address.ts'
import { answerAuthority } from './authority.ts'
import { answerContent } from './content.ts'
import type { ContentOptions } from './content.ts'
import { errorResponse, failureOf } from './error-response.ts'
import { NOT_A_PROXY, NOTHING_HERE, VERSION_1, welcome, withoutV2 } from './explanations.ts'
import type { RememberedAnswers } from './remembered-answers.ts'
import { parseTarget } from './route.ts'
import type { Route } from './route.ts'
import { statusReport } from './status.ts'

export interface AppOptions extends ContentOptions {
  /** What of the answers may be given again. */
  readonly remembered?: RememberedAnswers
  readonly version: string
  /** PEM; undefined where the mirror has no authority of its own. */
  readonly authority: string | undefined
}

type Bindings = { readonly exchange: Exchange }

/** `fetch` takes the exchange as its environment: `app.fetch(request, { exchange })`. */
export function registryApp(options: AppOptions): Hono<{ Bindings: Bindings }> {
  const { mirror, version } = options
  const startedAt = performance.now()
  const app = new Hono<{ Bindings: Bindings }>()
  app.get('/', (context) => context.text(welcome(version)))
  app.get('/healthz', (context) => context.text('ok\n'))
  app.get('/ca.crt', () => answerAuthority(options.authority))
  app.get('/status', () => {
    const report = statusReport(version, performance.now() - startedAt, mirror.status())
    return new Response(`${JSON.stringify(report, undefined, 2)}\n`, {
      headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
    })
  })
  app.all('*', async (context) => {
    const { exchange } = context.env
    const response = await answer(context.req.raw, exchange, options)
    response.headers.set('Docker-Distribution-API-Version', 'registry/2.0')
    response.headers.set('X-Content-Type-Options', 'nosniff')
    options.remembered?.keep(exchange, response)
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
  const { route } = parsed
  if (route.kind === 'absolute') return explain(NOT_A_PROXY, 400, request)
  if (route.kind === 'version-1') return explain(VERSION_1, 404, request)
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuseWrite(request, route)
  const refuse = (error: unknown): Response => {
    const failure = failureOf(error)
    options.pulls.failed(exchange.client, exchange.target, failure)
    return errorResponse(failure, request.method)
  }
  switch (route.kind) {
    case 'ping':
      try {
        const address = addressOf(parsed, exchange)
        served(options.mirror.place({ ...address, ns: undefined }))
        return pong(request)
      } catch (error) {
        return refuse(error)
      }
    case 'manifest':
    case 'blob':
    case 'tags':
    case 'referrers':
    case 'catalog':
      return await answerContent(route, parsed, request, exchange, options)
    case 'upload':
      return refuse(new RequestError('BLOB_UPLOAD_UNKNOWN', 'a mirror takes no uploads'))
    case 'unknown':
      return refuse(new RequestError('NAME_UNKNOWN', 'regmirror serves no such address'))
    case 'outside':
      if (route.first === undefined) return explain(NOTHING_HERE, 404, request)
      return refuse(new RequestError('NAME_UNKNOWN', withoutV2(request.url, route.first)))
  }
}

/** Never asks upstream: clients skip a mirror that is slow to answer this. */
function pong(request: Request): Response {
  return new Response(request.method === 'HEAD' ? null : '{}', {
    headers: { 'Content-Type': 'application/json', 'Content-Length': '2' },
  })
}

/** Closing keeps a body that nobody reads from being taken for the next request. */
function refuseWrite(request: Request, route: Route): Response {
  const failure = failureOf(
    new RequestError('UNSUPPORTED', 'this registry is a read-only pull-through mirror', {
      method: request.method,
      ...('name' in route ? { name: route.name } : {}),
    }),
  )
  const headers = { Allow: 'GET, HEAD', Connection: 'close' }
  return errorResponse({ ...failure, headers }, request.method)
}

function explain(text: string, status: number, request: Request): Response {
  return new Response(request.method === 'HEAD' ? null : text, {
    status,
    headers: {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(text)),
      ...(status === 400 ? { Connection: 'close' } : {}),
    },
  })
}
