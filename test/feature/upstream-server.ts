// An HTTP server in this process whose every answer the test writes itself, and what it was asked.
import http from 'node:http'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/name.ts'
import type { Reference, RepositoryName } from '../../src/oci/name.ts'
import type { UpstreamEvents } from '../../src/upstream/events.ts'
import type { UpstreamLimits } from '../../src/upstream/limits.ts'
import type { UpstreamRegistry, Upstreams } from '../../src/upstream/upstream.ts'
import { createUpstreams } from '../../src/upstream/upstreams.ts'
import type { RegistrySettings } from '../../src/upstream/upstreams.ts'

export const NAME = parseRepositoryName('library/nginx') as RepositoryName
export const TAG: Reference = { tag: parseTag('1.27') as never }
export const MANIFEST = Buffer.from('{"schemaVersion":2,"layers":[]}')
export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
export const BLOB = Buffer.from('0123456789'.repeat(10_000))
export const BLOB_DIGEST = digestOf(BLOB)

export interface Asked {
  readonly line: string // `GET /v2/`, without the query
  readonly query: URLSearchParams
  readonly headers: http.IncomingHttpHeaders
}

export interface Server {
  readonly url: string
  readonly asked: Asked[]
  connections: number
  lines(): string[]
  close(): Promise<void>
}

export async function serve(t: TestContext, listener: RequestListener): Promise<Server> {
  const asked: Asked[] = []
  const http_ = http.createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    asked.push({
      line: `${request.method} ${pathname}`,
      query: searchParams,
      headers: request.headers,
    })
    response.on('error', () => {})
    listener(request, response)
  })
  const closed = Promise.withResolvers<void>()
  const close = (): Promise<void> => {
    http_.close(() => closed.resolve())
    http_.closeAllConnections()
    return closed.promise
  }
  await new Promise<void>((resolve) => {
    http_.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(http_.address() as AddressInfo).port}`
  const lines = (): string[] => asked.map(({ line }) => line)
  const server: Server = { url, asked, connections: 0, lines, close }
  http_.on('connection', () => server.connections++)
  t.after(close)
  return server
}

// Waits that a person would notice are made short; a test overrides what it is about.
export const QUICK: Partial<UpstreamLimits> = {
  retryDelayMinMs: 1,
  retryDelayMaxMs: 5,
  errorBodyTimeoutMs: 200,
}

export const SILENT: UpstreamEvents = {
  leftAlone: () => {},
  worksAgain: () => {},
  loginTrouble: () => {},
}

export interface RegistryOptions {
  readonly limits?: Partial<UpstreamLimits>
  readonly offline?: boolean
  readonly settings?: Partial<RegistrySettings>
  readonly events?: UpstreamEvents
  readonly now?: () => number
}

export function registryOf(
  t: TestContext,
  endpoints: readonly string[],
  { limits, offline = false, settings, events = SILENT, now = Date.now }: RegistryOptions = {},
): UpstreamRegistry {
  const registry = { ...settings, endpoints: endpoints.map((url) => new URL(url)) }
  const upstreams: Upstreams = createUpstreams({
    registries: new Map([['docker.io', registry]]),
    limits: { ...QUICK, ...limits },
    offline,
    userAgent: 'regmirror/test',
    events,
    now,
  })
  t.after(() => upstreams.close())
  return upstreams.registry('docker.io')
}

export function sendManifest(response: ServerResponse, request: IncomingMessage): void {
  response.writeHead(200, {
    'content-type': MANIFEST_TYPE,
    'content-length': MANIFEST.length,
    'docker-content-digest': digestOf(MANIFEST),
  })
  response.end(request.method === 'HEAD' ? undefined : MANIFEST)
}

export function sendError(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
  message = 'as the test wishes',
): void {
  const body = JSON.stringify({ errors: [{ code: 'SCRIPTED', message }] })
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
}

export function sendJson(response: ServerResponse, value: object, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

export function sendPage(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/html' }).end('<!doctype html><p>Sign in')
}

export function redirectTo(response: ServerResponse, location: string, status = 307): void {
  response.writeHead(status, { location }).end()
}

export async function read(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

// For assert.rejects.
export function upstreamError(kind: string, message: RegExp = /^docker\.io: /) {
  return { name: 'UpstreamError', kind, message }
}
