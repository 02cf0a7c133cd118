// A forward proxy: tunnels by CONNECT, and requests for a whole URL. It counts what it was asked
// for, and can resolve names that nobody else knows, want a login, and speak TLS itself.
import http from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import https from 'node:https'
import net from 'node:net'
import type { Socket } from 'node:net'
import { pipeline } from 'node:stream'
import type { Duplex } from 'node:stream'
import type { Certificate } from './certificates.ts'
import { closeServer, listen, trackSockets } from './net-ports.ts'

export interface ProxyOptions {
  readonly login?: { readonly user: string; readonly password: string }
  readonly certificate?: Certificate
  // `registry.test:443` to the address that it is reached at; what is not named is itself.
  readonly hosts?: Readonly<Record<string, string>>
}

export class HttpProxy implements AsyncDisposable {
  url = ''
  connections = 0
  // `CONNECT registry.test:443`, `GET http://registry.test/v2/`; those that were let through.
  readonly asked: string[] = []
  refused = 0 // for want of the login
  status: number | undefined // answered to everything, where it is set
  silent = false // accepts, and never answers
  readonly #options: ProxyOptions
  readonly #agent = new http.Agent({ keepAlive: true })
  readonly #server: http.Server
  readonly #sockets: Set<Socket>

  private constructor(options: ProxyOptions) {
    this.#options = options
    const { certificate } = options
    const answer = (request: IncomingMessage, response: ServerResponse): void =>
      this.#forward(request, response)
    this.#server = certificate
      ? https.createServer({ cert: certificate.certificate, key: certificate.key }, answer)
      : http.createServer(answer)
    this.#sockets = trackSockets(this.#server)
    this.#server.on('connection', () => (this.connections += 1))
    this.#server.on('connect', (request, socket, head) => this.#tunnel(request, socket, head))
  }

  static async start(options: ProxyOptions = {}): Promise<HttpProxy> {
    const proxy = new HttpProxy(options)
    const scheme = options.certificate === undefined ? 'http' : 'https'
    proxy.url = `${scheme}://127.0.0.1:${await listen(proxy.#server)}`
    return proxy
  }

  // With the login in it.
  get urlWithLogin(): string {
    const url = new URL(this.url)
    url.username = this.#options.login?.user ?? ''
    url.password = this.#options.login?.password ?? ''
    return url.href
  }

  // How often a tunnel to this host was opened.
  tunnelsTo(host: string): number {
    return this.asked.filter((line) => line === `CONNECT ${host}`).length
  }

  async close(): Promise<void> {
    this.#agent.destroy()
    await closeServer(this.#server, this.#sockets)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #refusal(request: IncomingMessage): number | undefined {
    const { login } = this.#options
    if (this.status !== undefined) return this.status
    if (login === undefined) return undefined
    const wanted = Buffer.from(`${login.user}:${login.password}`).toString('base64')
    if (request.headers['proxy-authorization'] === `Basic ${wanted}`) return undefined
    this.refused += 1
    return 407
  }

  #addressOf(host: string): { readonly host: string; readonly port: number } {
    const url = new URL(`tcp://${this.#options.hosts?.[host] ?? host}`)
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) }
  }

  #tunnel(request: IncomingMessage, client: Duplex, head: Buffer): void {
    const { url: host = '' } = request
    client.on('error', () => {})
    if (this.silent) return
    const refusal = this.#refusal(request)
    if (refusal !== undefined) {
      client.end(`HTTP/1.1 ${refusal} ${http.STATUS_CODES[refusal]}\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    this.asked.push(`CONNECT ${host}`)
    let isOpen = false
    const target = net.connect(this.#addressOf(host), () => {
      isOpen = true
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      if (head.length > 0) target.write(head)
      pipeline(client, target, client, () => {})
    })
    target.on('error', () => {
      if (isOpen) client.destroy()
      else client.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n')
    })
  }

  #forward(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request
    if (this.silent) return
    const refusal = URL.canParse(url) ? this.#refusal(request) : 400
    if (refusal !== undefined) {
      response.writeHead(refusal).end()
      return
    }
    this.asked.push(`${method} ${url}`)
    const { host, pathname, search, port, hostname } = new URL(url)
    // RFC 9112 section 3.2.2: the host of the URL, whatever the header says.
    const { 'proxy-authorization': _, ...passed } = { ...headers, host, connection: 'keep-alive' }
    const address = this.#addressOf(`${hostname}:${port || '80'}`)
    const where = { ...address, agent: this.#agent, method, path: pathname + search }
    const sent = http.request({ ...where, headers: passed }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.statusMessage, answer.rawHeaders)
      pipeline(answer, response, () => {})
    })
    sent.on('error', () => response.destroy())
    sent.end()
  }
}
