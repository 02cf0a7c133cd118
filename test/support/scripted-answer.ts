// Writes one answer of a scripted upstream: the good one, bent by the reply of the script.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { parseRange } from './byte-range.ts'
import { bytesContent, readAll } from './content.ts'
import type { Content } from './content.ts'
import type { AnswerEnd, LoggedRequest } from './request-log.ts'
import type { Reply } from './scripted-reply.ts'

export interface GoodAnswer {
  readonly status: number
  readonly mediaType: string
  readonly digest?: string
  readonly content: Content
}

export interface Exchange {
  readonly response: ServerResponse
  readonly logged: LoggedRequest
  readonly released: Promise<void>
  readonly good: GoodAnswer
  readonly reply: Reply
}

interface Plan {
  readonly status: number
  readonly headers: Record<string, string | number>
  readonly content: Content
  readonly start: number
  readonly end: number
}

export async function answerWith(exchange: Exchange): Promise<void> {
  const { response, logged, released, reply } = exchange
  const left = once(response, 'close').then(() => {})
  if (reply.holdHeaders === true) {
    logged.end = 'stalled'
    await Promise.race([released, left])
    if (response.destroyed) return
    logged.end = 'open'
  }
  const plan = planOf(exchange)
  logged.status = plan.status
  response.writeHead(plan.status, plan.headers)
  logged.end = logged.method === 'HEAD' ? await finish(response) : await sendBody(exchange, plan)
}

function planOf({ good, reply, logged }: Exchange): Plan {
  const replaced = reply.status !== undefined || reply.body !== undefined
  let content = replaced ? bytesContent(Buffer.from(reply.body ?? '')) : good.content
  if (reply.flip !== undefined) content = flipped(content, reply.flip)
  if (reply.gzip === true) content = bytesContent(gzipSync(readAll(content)))

  const ranged = good.status === 200 && !replaced && reply.ignoreRange !== true
  const range = ranged ? parseRange(logged.range, content.size) : undefined
  const headers: Plan['headers'] = { 'docker-distribution-api-version': 'registry/2.0' }
  if (range === 'unsatisfiable') {
    headers['content-range'] = `bytes */${content.size}`
    headers['content-length'] = 0
    return { status: 416, headers, content, start: 0, end: 0 }
  }
  const { start, end } = range ?? { start: 0, end: content.size }
  headers['content-type'] = good.mediaType
  if (good.digest !== undefined && !replaced) headers['docker-content-digest'] = good.digest
  if (ranged) headers['accept-ranges'] = 'bytes'
  if (range !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${content.size}`
  if (reply.gzip === true) headers['content-encoding'] = 'gzip'
  if (reply.chunked !== true && reply.short === undefined) headers['content-length'] = end - start
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    if (value === null) delete headers[name]
    else headers[name] = value
  }
  const status = reply.status ?? (range === undefined ? good.status : 206)
  return { status, headers, content, start, end }
}

async function sendBody(exchange: Exchange, plan: Plan): Promise<AnswerEnd> {
  const { response, logged, reply, released } = exchange
  const stop = plan.start + (reply.cut?.after ?? reply.short ?? Infinity)
  const stall = plan.start + (reply.stall?.after ?? Infinity)
  const send = async (from: number, to: number) => {
    for (const chunk of plan.content.chunks(from, Math.min(to, plan.end))) {
      if (response.destroyed) return
      const room = response.write(chunk, (error) => {
        if (error === null || error === undefined) logged.bytes += chunk.length
      })
      if (!room) await drained(response)
    }
  }
  response.flushHeaders()
  await send(plan.start, Math.min(stop, stall))
  if (stall < Math.min(stop, plan.end) && !response.destroyed) {
    logged.end = 'stalled'
    await Promise.race([released, once(response, 'close')])
    if (response.destroyed) return 'stalled'
    logged.end = 'open'
    await send(stall, stop)
  }
  if (response.destroyed) return 'client left'
  if (reply.cut !== undefined && stop < plan.end) return cutOff(response, reply.cut.by)
  return finish(response)
}

async function finish(response: ServerResponse): Promise<AnswerEnd> {
  response.end()
  if (!response.destroyed) await Promise.race([once(response, 'finish'), once(response, 'close')])
  return response.writableFinished ? 'complete' : 'client left'
}

// After everything written has gone to the kernel.
async function cutOff(response: ServerResponse, by: 'fin' | 'rst'): Promise<AnswerEnd> {
  const { socket } = response
  if (socket === null) return 'client left'
  await new Promise<void>((resolve) => {
    socket.write('', () => resolve())
  })
  if (by === 'rst') socket.resetAndDestroy()
  else socket.destroySoon()
  return 'cut'
}

async function drained(response: ServerResponse): Promise<void> {
  const settled = new AbortController()
  const { signal } = settled
  await Promise.race([
    once(response, 'drain', { signal }),
    once(response, 'close', { signal }),
  ]).catch(() => {})
  settled.abort()
}

function flipped(content: Content, offset: number): Content {
  return {
    size: content.size,
    digest: content.digest,
    *chunks(start = 0, end = content.size) {
      let at = start
      for (const chunk of content.chunks(start, end)) {
        const here = offset - at
        at += chunk.length
        const copy = here >= 0 && here < chunk.length ? Buffer.from(chunk) : chunk
        if (copy !== chunk) copy.writeUInt8(copy.readUInt8(here) ^ 0xff, here)
        yield copy
      }
    },
  }
}
