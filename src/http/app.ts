// The registry API over a Mirror, as a Web-standard application: Request in, Response out.

import { Hono } from 'hono'
import { RequestError } from '../errors.ts'
import type { Exchange } from '../lib/exchange.ts'
import { answerContent } from './content.ts'
import type { ContentOptions } from './content.ts'
import { errorResponse, failureOf } from './error-response.ts'
import { parseTarget } from './route.ts'
import type { Route } from './route.ts'

export interface AppOptions extends ContentOptions {
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
  const { route, ns } = parseTarget(exchange.target)
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuseWrite(request, route)
  switch (route.kind) {
    case 'ping':
      return new Response(request.method === 'HEAD' ? null : '{}', {
        headers: { 'Content-Type': 'application/json', 'Content-Length': '2' },
      })
    case 'manifest':
    case 'blob':
      return await answerContent(route, ns, request, exchange, options)
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

function welcome(version: string): string {
  return `regmirror ${version}: a mirror of container registries. Point your clients at /v2/.\n`
}
