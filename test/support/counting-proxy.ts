// A reverse proxy in front of a registry that logs every request and what was answered, so that a
// test can count exactly what its upstream was asked for. It changes nothing on the way.
import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { closeServer, listen, trackSockets } from './net-ports.ts'
import { RequestLog } from './request-log.ts'

export class CountingProxy implements AsyncDisposable {
  url = ''
  readonly log = new RequestLog()
  readonly #target: URL
  readonly #agent = new http.Agent({ keepAlive: true })
  readonly #server: http.Server
  readonly #sockets: Set<Socket>

  private constructor(target: string) {
    this.#target = new URL(target)
    this.#server = http.createServer((request, response) => void this.#forward(request, response))
    this.#sockets = trackSockets(this.#server)
  }

  static async start(target: string): Promise<CountingProxy> {
    const proxy = new CountingProxy(target)
    proxy.url = `http://127.0.0.1:${await listen(proxy.#server)}`
    return proxy
  }

  async close(): Promise<void> {
    this.#agent.destroy()
    await closeServer(this.#server, this.#sockets)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '/', headers } = request
    const entry = this.log.add({ method, url, headers })
    const { hostname, port } = this.#target
    const options = { agent: this.#agent, hostname, port, method, path: url, headers }
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const upstream = http.request(options, resolve)
        upstream.once('error', reject)
        pipeline(request, upstream).catch(reject)
      })
      entry.status = answer.statusCode ?? 0
      response.writeHead(entry.status, answer.statusMessage, answer.rawHeaders)
      answer.on('data', (chunk: Buffer) => (entry.bytes += chunk.length))
      await pipeline(answer, response)
      entry.end = 'complete'
    } catch {
      entry.end = 'client left'
      response.destroy()
    }
  }
}
