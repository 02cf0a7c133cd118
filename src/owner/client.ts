// A command's side of the socket.

import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { text } from 'node:stream/consumers'
import type { AnswerOf, AskOf, JobName, ProgressOf, RowOf } from '../care/jobs.ts'
import { JobHandedBack, JobPutOff, JobRefused, StoreError } from '../errors.ts'
import { version } from '../version.ts'
import { linesOf } from './line-splitter.ts'
import { socketToTry } from './owner-note.ts'
import { isLast, JOB_HEADER, LINE_MAX_BYTES, WIRE_HEADER, WIRE_VERSION } from './wire.ts'
import type { LastLine, OwnerFacts, WireLine, WireProblem } from './wire.ts'

/** An owner that lives answers within a few ms; one that is stopped by a debugger does not. */
const KNOCK_MAX_MS = 5000
/** Nobody is there, or somebody who is just leaving. */
const GONE_CODES = ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']

export interface LivingOwner {
  readonly socket: string
  readonly facts: OwnerFacts
}

export interface Listener<Name extends JobName> {
  progress(progress: ProgressOf<Name>): void
  rows(rows: readonly RowOf<Name>[]): void | Promise<void>
  /** Stops the job in good order: it still answers. */
  readonly signal: AbortSignal
}

/** The job was stopped, and has nothing to tell of what it did until then. */
export class JobStopped extends Error {
  override readonly name = 'JobStopped'
}

/** Undefined where nobody owns the folder, or its owner is just starting or leaving. Throws StoreError. */
export async function findOwner(folder: string): Promise<LivingOwner | undefined> {
  const socket = socketToTry(folder)
  if (socket === undefined) return undefined
  try {
    const signal = AbortSignal.timeout(KNOCK_MAX_MS)
    const response = await send({ socketPath: socket, path: '/owner', signal })
    const facts = JSON.parse(await text(response)) as OwnerFacts
    if (facts.wire !== WIRE_VERSION) throw otherVersion(folder, facts)
    return { socket, facts }
  } catch (error) {
    if (isGone(error)) return undefined
    throw knockFailure(folder, socket, error)
  }
}

/** A server waits for the store: nothing is answered here, the store is to be free soon. */
export async function askToLeave({ socket }: LivingOwner): Promise<void> {
  try {
    const response = await send({ socketPath: socket, path: '/leave', method: 'POST' })
    response.resume()
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

/**
 * Throws what the job throws, JobStopped where it was stopped, JobHandedBack where the owner left before
 * it took the job or was done with it: then somebody else has to be found.
 */
export async function askOwner<Name extends JobName>(
  { socket, facts }: LivingOwner,
  name: Name,
  ask: AskOf<Name>,
  listener: Listener<Name>,
): Promise<AnswerOf<Name>> {
  const response = await begin(socket, name, ask, facts)
  if (response === undefined) throw new JobHandedBack(false)
  const job = response.headers[JOB_HEADER]
  const stop = (): void => stopJob(socket, String(job))
  listener.signal.addEventListener('abort', stop)
  if (listener.signal.aborted) stop()
  try {
    const last = await lastLine(response, listener)
    if (last === undefined) throw new Error(cutOff(name, facts))
    return answerOf<Name>(last)
  } finally {
    listener.signal.removeEventListener('abort', stop)
    response.destroy()
  }
}

async function begin(
  socketPath: string,
  name: JobName,
  ask: unknown,
  facts: OwnerFacts,
): Promise<IncomingMessage | undefined> {
  let response: IncomingMessage
  try {
    const options = { socketPath, path: `/jobs/${name}`, method: 'POST' }
    response = await send(options, JSON.stringify(ask))
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
  if (response.statusCode === 200) return response
  const { message } = JSON.parse(await text(response)) as WireProblem
  if (response.statusCode === 404) throw new Error(unknownJob(name, facts))
  // It is stopping.
  if (response.statusCode === 503) return undefined
  throw new Error(message)
}

/** Undefined where the connection ended before the job did. */
async function lastLine<Name extends JobName>(
  response: IncomingMessage,
  { progress, rows }: Listener<Name>,
): Promise<LastLine | undefined> {
  try {
    for await (const text of linesOf(response as AsyncIterable<Buffer>, LINE_MAX_BYTES)) {
      const line = JSON.parse(text) as WireLine
      if (isLast(line)) return line
      if (line.kind === 'progress') progress(line.progress as ProgressOf<Name>)
      else await rows(line.rows as readonly RowOf<Name>[])
    }
  } catch (error) {
    if (!isGone(error)) throw error
  }
  return undefined
}

function answerOf<Name extends JobName>(last: LastLine): AnswerOf<Name> {
  switch (last.kind) {
    case 'answer':
      return last.answer as AnswerOf<Name>
    case 'refused':
      throw new JobRefused(last.message)
    case 'put-off':
      throw new JobPutOff(last.message)
    case 'handed-back':
      throw new JobHandedBack(last.isForServer)
    case 'stopped':
      throw new JobStopped('it was stopped')
    case 'failed':
      throw last.store === undefined
        ? new Error(last.message)
        : new StoreError(last.store, last.message)
  }
}

function stopJob(socketPath: string, job: string): void {
  send({ socketPath, path: `/jobs/${job}`, method: 'DELETE' }).then(
    (response) => response.resume(),
    // Then the job's own connection is about to tell.
    () => undefined,
  )
}

async function send(options: RequestOptions, body = ''): Promise<IncomingMessage> {
  const headers = { [WIRE_HEADER]: WIRE_VERSION, 'content-length': Buffer.byteLength(body) }
  const request = httpRequest({ ...options, agent: false, headers })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  request.end(body)
  const [response] = await answered
  return response
}

function isGone(error: unknown): boolean {
  return GONE_CODES.includes((error as NodeJS.ErrnoException).code ?? '')
}

function knockFailure(folder: string, socket: string, error: unknown): Error {
  if (error instanceof StoreError) return error
  const { code, name, message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') {
    return new StoreError(
      'io',
      `user ${process.getuid?.()} may not talk to the regmirror that runs on ${folder} (${socket}): ` +
        `run this as the user that it runs as, or as root`,
      { cause: error },
    )
  }
  const isSilent = name === 'AbortError' || name === 'TimeoutError'
  const what = isSilent ? 'does not answer' : `does not answer as it should (${message})`
  return new StoreError(
    'io',
    `the regmirror that runs on ${folder} ${what}: look at it, or restart it`,
    { cause: error },
  )
}

function otherVersion(folder: string, facts: OwnerFacts): StoreError {
  return new StoreError(
    'io',
    `the regmirror that runs on ${folder} (pid ${facts.pid}) is ${facts.version}, this one is ` +
      `${version}, and they do not understand each other: use the same for both`,
  )
}

function unknownJob(name: JobName, { pid, command, version }: OwnerFacts): string {
  return (
    `the running regmirror ${command} (pid ${pid}) is ${version} and does not know ${name}: restart it ` +
    `with this version`
  )
}

function cutOff(name: JobName, { pid, command }: OwnerFacts): string {
  return (
    `the running regmirror ${command} (pid ${pid}) ended before ${name} was done: what it did ` +
    `until then stands; start it again and repeat the command`
  )
}
