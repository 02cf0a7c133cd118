// A SOCKS5 proxy (RFC 1928, 1929) that remembers whether it was given names or addresses, and can
// resolve names that nobody else knows.
import { once } from 'node:events'
import net from 'node:net'
import type { Server, Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { closeServer, listen, trackSockets } from './net-ports.ts'

export interface SocksOptions {
  readonly login?: { readonly user: string; readonly password: string }
  // `registry.test:443` to the address that it is reached at; what is not named is itself.
  readonly hosts?: Readonly<Record<string, string>>
}

const VERSION = 5
const KINDS: Readonly<Record<number, 'address' | 'name'>> = {
  1: 'address',
  3: 'name',
  4: 'address',
}

export class SocksProxy implements AsyncDisposable {
  url = ''
  connections = 0
  readonly asked: { readonly host: string; readonly kind: 'name' | 'address' }[] = []
  refused = 0 // for want of the login
  reply = 0 // anything else is answered to every CONNECT
  leaves = false // ends the connection in place of an answer to CONNECT
  readonly #options: SocksOptions
  readonly #server: Server
  readonly #sockets: Set<Socket>

  private constructor(options: SocksOptions) {
    this.#options = options
    this.#server = net.createServer((socket) => {
      this.connections += 1
      socket.on('error', () => {})
      this.#serve(socket).catch(() => socket.destroy())
    })
    this.#sockets = trackSockets(this.#server)
  }

  static async start(options: SocksOptions = {}): Promise<SocksProxy> {
    const proxy = new SocksProxy(options)
    proxy.url = `socks5://127.0.0.1:${await listen(proxy.#server)}`
    return proxy
  }

  // With the login in it.
  get urlWithLogin(): string {
    const { user = '', password = '' } = this.#options.login ?? {}
    return this.url.replace(
      '://',
      `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`,
    )
  }

  async close(): Promise<void> {
    await closeServer(this.#server, this.#sockets)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #serve(client: Socket): Promise<void> {
    if (!(await this.#admits(client))) return
    const [, , , type = 0] = await take(client, 4)
    const host = await takeHost(client, type)
    const port = (await take(client, 2)).readUInt16BE()
    const kind = KINDS[type] ?? 'name'
    this.asked.push({ host: `${host}:${port}`, kind })
    if (this.leaves) return void client.end()
    if (this.reply !== 0) return void client.end(answer(this.reply))
    const found = new URL(`tcp://${this.#options.hosts?.[`${host}:${port}`] ?? `${host}:${port}`}`)
    const target = net.connect(Number(found.port), found.hostname.replace(/^\[|\]$/g, ''), () => {
      client.write(answer(0))
      pipeline(client, target, client, () => {})
    })
    target.on('error', () => client.end(answer(5)))
  }

  async #admits(client: Socket): Promise<boolean> {
    const { login } = this.#options
    const [, count = 0] = await take(client, 2)
    const method = login === undefined ? 0 : 2
    const isOffered = (await take(client, count)).includes(method)
    client.write(Buffer.from([VERSION, isOffered ? method : 0xff]))
    if (!isOffered) this.refused += 1
    if (login === undefined || !isOffered) return isOffered
    await take(client, 1)
    const user = await takeText(client)
    const isRight = (await takeText(client)) === login.password && user === login.user
    client.write(Buffer.from([1, isRight ? 0 : 1]))
    if (!isRight) this.refused += 1
    return isRight
  }
}

// By name, the longest form: whoever reads it has to read all of it.
function answer(reply: number): Buffer {
  const name = Buffer.from('bound.test')
  return Buffer.concat([
    Buffer.from([VERSION, reply, 0, 3, name.length]),
    name,
    Buffer.from([0, 9]),
  ])
}

async function takeHost(client: Socket, type: number): Promise<string> {
  if (type === 1) return (await take(client, 4)).join('.')
  if (type === 3) return takeText(client)
  const groups = (await take(client, 16)).toString('hex').match(/.{4}/g) ?? []
  return `[${groups.join(':')}]`
}

async function takeText(client: Socket): Promise<string> {
  const [length = 0] = await take(client, 1)
  return length === 0 ? '' : (await take(client, length)).toString()
}

async function take(client: Socket, size: number): Promise<Buffer> {
  for (;;) {
    const bytes = client.read(size) as Buffer | null
    if (bytes?.length === size) return bytes
    if (client.destroyed || client.readableEnded) throw new Error('the client left')
    const settled = new AbortController()
    const { signal } = settled
    const changes = ['readable', 'close'].map((event) => once(client, event, { signal }))
    await Promise.race(changes).finally(() => settled.abort())
  }
}
