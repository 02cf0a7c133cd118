// The other host that registries redirect blob downloads to: serves files below a folder, refuses
// whoever brings the registry's credentials along, and counts.
import { createReadStream, statSync } from 'node:fs'
import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { parseRange } from './byte-range.ts'
import { closeServer, listen, trackSockets } from './net-ports.ts'
import { RequestLog } from './request-log.ts'

export class StaticCdn implements AsyncDisposable {
  url = ''
  ranges = true // false: Range is ignored, as by python's http.server
  readonly log = new RequestLog()
  readonly #folder: string
  readonly #server: http.Server
  readonly #sockets: Set<Socket>

  private constructor(folder: string) {
    this.#folder = folder
    this.#server = http.createServer((request, response) => void this.#answer(request, response))
    this.#sockets = trackSockets(this.#server)
  }

  static async start(folder: string): Promise<StaticCdn> {
    const cdn = new StaticCdn(folder)
    cdn.url = `http://127.0.0.1:${await listen(cdn.#server)}`
    return cdn
  }

  close(): Promise<void> {
    return closeServer(this.#server, this.#sockets)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/', headers } = request
    const entry = this.log.add({ method, url, headers })
    const refuse = (status: number, why: string) => {
      entry.status = status
      entry.end = 'complete'
      response.writeHead(status, { 'content-type': 'text/plain' }).end(why)
    }
    if (headers.authorization !== undefined) return refuse(400, 'two kinds of authorization')
    const file = path.join(this.#folder, path.normalize(new URL(url, 'http://cdn').pathname))
    const stat = statSync(file, { throwIfNoEntry: false })
    if (stat?.isFile() !== true) return refuse(404, 'no such file')

    const range = this.ranges ? parseRange(headers.range, stat.size) : undefined
    if (range === 'unsatisfiable') return refuse(416, 'no such range')
    const { start, end } = range ?? { start: 0, end: stat.size }
    entry.status = range === undefined ? 200 : 206
    response.writeHead(entry.status, {
      'content-type': 'application/octet-stream',
      'content-length': end - start,
      ...(range && { 'content-range': `bytes ${start}-${end - 1}/${stat.size}` }),
      ...(this.ranges && { 'accept-ranges': 'bytes' }),
    })
    if (method === 'HEAD' || start === end) {
      entry.end = 'complete'
      response.end()
      return
    }
    const body = createReadStream(file, { start, end: end - 1, highWaterMark: 256 * 1024 })
    body.on('data', (chunk) => (entry.bytes += chunk.length))
    try {
      await pipeline(body, response)
      entry.end = 'complete'
    } catch {
      entry.end = 'client left'
    }
  }
}
