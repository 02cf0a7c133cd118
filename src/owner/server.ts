// The owner's side of the socket: does jobs for the commands that knock.

import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { JobName, Jobs, Talk } from '../care/jobs.ts'
import { JobHandedBack, JobPutOff, JobRefused, StoreError } from '../errors.ts'
import { within } from '../lib/within.ts'
import { listenPrivately } from './listen-privately.ts'
import type { SocketPlace } from './socket-path.ts'
import { ASK_MAX_BYTES, JOB_HEADER, LINE_ROWS_MAX, WIRE_HEADER, WIRE_VERSION } from './wire.ts'
import type { LastLine, OwnerFacts, WireLine, WireProblem } from './wire.ts'

const CONNECTIONS_MAX = 512
const JOBS_MAX = 256
/** A command sends its ask at once. */
const ASK_TIMEOUT_MS = 10_000
const PROGRESS_EVERY_MS = 100
/** For jobs to stop in good order once the owner has to go. */
const STOP_MAX_MS = 5000

export interface OwnerServer {
  /** Where it listens. */
  readonly path: string
  /** Takes no more jobs; resolves when the last one has ended. */
  drain(): Promise<void>
  /** The same, stopping what runs; a job that does not stop is left behind after a while. */
  stop(maxMs?: number): Promise<void>
}

type AnyJob = (ask: unknown, talk: Talk<unknown, unknown>) => Promise<unknown>

/**
 * Throws where it can listen nowhere. Only for who holds the folder's lock: it removes dead sockets.
 * `leave`: what is done when a server waits for the store; undefined: nobody makes way.
 */
export async function serveJobs(
  jobs: Partial<Jobs>,
  facts: OwnerFacts,
  places: readonly SocketPlace[],
  leave?: () => void,
): Promise<OwnerServer> {
  const desk = new JobDesk(jobs, facts, leave)
  const server = createServer((request, response) => {
    desk.receive(request, response).catch(() => response.destroy())
  })
  server.maxConnections = CONNECTIONS_MAX
  server.headersTimeout = ASK_TIMEOUT_MS
  server.requestTimeout = ASK_TIMEOUT_MS
  const path = await listenPrivately(server, places)

  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve))
    await desk.idle()
    // Those who only hold a connection open.
    server.closeAllConnections()
    await closed
  }
  return {
    path,
    drain: close,
    stop: async (maxMs = STOP_MAX_MS) => {
      desk.stopAll()
      const ended = await within(maxMs, close())
      if (ended === 'slow') server.closeAllConnections()
    },
  }
}

class JobDesk {
  readonly #jobs: Partial<Jobs>
  readonly #facts: OwnerFacts
  readonly #leave: (() => void) | undefined
  readonly #running = new Map<number, { stop(): void; readonly ended: Promise<void> }>()
  #lastJob = 0
  #isClosing = false

  constructor(jobs: Partial<Jobs>, facts: OwnerFacts, leave: (() => void) | undefined) {
    this.#jobs = jobs
    this.#facts = facts
    this.#leave = leave
  }

  async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, what, which = '', more] = (request.url ?? '').split('/')
    const route = more === undefined ? `${request.method} /${what}` : ''
    response.setHeader(WIRE_HEADER, WIRE_VERSION)
    // Each command asks once or twice: nothing is gained by keeping its connection.
    response.setHeader('connection', 'close')
    if (route === 'GET /owner') return sendJson(response, 200, this.#facts)
    if (request.headers[WIRE_HEADER] !== String(WIRE_VERSION)) {
      return sendProblem(response, 426, this.#otherVersion())
    }
    if (route === 'POST /jobs' && Object.hasOwn(this.#jobs, which)) {
      return await this.#take(which as JobName, request, response)
    }
    if (route === 'DELETE /jobs') {
      this.#running.get(Number(which))?.stop()
      return sendJson(response, 202, {})
    }
    if (route === 'POST /leave' && this.#leave !== undefined) {
      this.#leave()
      return sendJson(response, 202, {})
    }
    sendProblem(response, 404, `the owner of the store does not know ${request.method} here`)
  }

  idle(): Promise<unknown> {
    this.#isClosing = true
    return Promise.all(Array.from(this.#running.values(), ({ ended }) => ended))
  }

  stopAll(): void {
    this.#isClosing = true
    for (const { stop } of this.#running.values()) stop()
  }

  async #take(name: JobName, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ask = await readAsk(request)
    if ('problem' in ask) return sendProblem(response, 400, ask.problem)
    if (this.#isClosing) return sendProblem(response, 503, 'the owner of the store is stopping')
    if (this.#running.size >= JOBS_MAX) {
      return sendProblem(response, 429, `${JOBS_MAX} commands use the store now: try again later`)
    }
    const id = ++this.#lastJob
    const stop = new AbortController()
    // Nobody waits any more.
    response.on('close', () => stop.abort())
    response.writeHead(200, { 'content-type': 'application/x-ndjson', [JOB_HEADER]: id })
    response.flushHeaders()
    const job = this.#jobs[name] as unknown as AnyJob
    const ended = runJob(job, ask.value, response, stop.signal).finally(() =>
      this.#running.delete(id),
    )
    this.#running.set(id, { stop: () => stop.abort(), ended })
    await ended
  }

  #otherVersion(): string {
    const { version, pid } = this.#facts
    return (
      `regmirror ${version} (pid ${pid}) owns the store and speaks another language than this ` +
      `one: use the same version for both`
    )
  }
}

async function runJob(
  job: AnyJob,
  ask: unknown,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const send = (line: WireLine): boolean => response.write(`${JSON.stringify(line)}\n`)
  let shownAt = -Infinity
  const progress = (progress: unknown): void => {
    const now = performance.now()
    if (now - shownAt < PROGRESS_EVERY_MS || response.writableNeedDrain) return
    shownAt = now
    send({ kind: 'progress', progress })
  }
  const rows = async (batch: readonly unknown[]): Promise<void> => {
    for (let at = 0; at < batch.length; at += LINE_ROWS_MAX) {
      const line = { kind: 'rows', rows: batch.slice(at, at + LINE_ROWS_MAX) } as const
      if (!send(line)) await drained(response)
    }
  }
  const last = await endOf(job(ask, { signal, progress, rows }), signal)
  if (response.destroyed) return
  response.end(`${JSON.stringify(last)}\n`)
}

async function endOf(job: Promise<unknown>, signal: AbortSignal): Promise<LastLine> {
  try {
    return { kind: 'answer', answer: await job }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof JobRefused) return { kind: 'refused', message }
    if (error instanceof JobPutOff) return { kind: 'put-off', message }
    if (error instanceof JobHandedBack) {
      return { kind: 'handed-back', isForServer: error.isForServer }
    }
    if (signal.aborted) return { kind: 'stopped' }
    const store = error instanceof StoreError ? error.kind : undefined
    return { kind: 'failed', message, store }
  }
}

/** Resolves when more may be written, and when nobody reads any more: the job's signal tells that. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve()
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}

async function readAsk(
  request: IncomingMessage,
): Promise<{ readonly value: unknown } | { readonly problem: string }> {
  const chunks: Buffer[] = []
  let size = 0
  // The connection is still needed for saying that it was too long.
  const body = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
  for await (const chunk of body) {
    size += chunk.length
    if (size > ASK_MAX_BYTES) return { problem: `it asks with more than ${ASK_MAX_BYTES} bytes` }
    chunks.push(chunk)
  }
  try {
    return { value: JSON.parse(Buffer.concat(chunks).toString()) }
  } catch {
    return { problem: 'what it asks is not JSON' }
  }
}

function sendProblem(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { message } satisfies WireProblem)
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(value)}\n`)
}
