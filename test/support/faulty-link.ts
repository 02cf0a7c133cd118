// A TCP link between two programs that can be made slow, late, cut, stalled or refusing, at any
// moment. Bytes keep their order. "Down" is from the target to the client: a link in front of an
// upstream shapes, cuts and counts what that upstream sends.
import net from 'node:net'
import type { Socket } from 'node:net'
import { LinkConnection } from './link-connection.ts'
import { LinkCredit } from './link-credit.ts'
import { closeServer, listen, trackSockets } from './net-ports.ts'

export interface LinkBreak {
  readonly afterBytes: number // of one connection, response headers included
  readonly by: 'fin' | 'rst' | 'stall'
  readonly times?: number // how many connections; default 1
}

export interface LinkSettings {
  readonly bytesPerSecond?: number // down, all connections together
  readonly isEachAsFast?: boolean // that is the speed of each connection, as a long line has it
  readonly latencyMs?: number // each way, for what arrives from now on
  readonly refuse?: boolean // new connections are reset
  readonly break?: LinkBreak
}

const TICK_MS = 4
// More than a tick's worth, or the buffer and not the rate would be the limit.
const READ_AHEAD = { readableHighWaterMark: 2 ** 20 }

export class FaultyLink implements AsyncDisposable {
  port = 0
  connections = 0
  delivered = 0 // bytes given to the clients' sockets
  settings: LinkSettings = {}
  closed: ((connection: LinkConnection) => void) | undefined
  readonly open = new Set<LinkConnection>()
  readonly #ceilings = new Set<number>()
  readonly #target: URL
  readonly #server: net.Server
  readonly #sockets: Set<Socket>
  #breaksLeft = 0
  #credit = new LinkCredit()
  #timer: NodeJS.Timeout | undefined

  private constructor(target: string) {
    this.#target = new URL(target)
    const options = { allowHalfOpen: true, noDelay: true, pauseOnConnect: false }
    this.#server = net.createServer(options, (socket) => this.#accept(socket))
    this.#sockets = trackSockets(this.#server)
  }

  static async start(target: string, settings: LinkSettings = {}): Promise<FaultyLink> {
    const link = new FaultyLink(target)
    link.set(settings)
    link.port = await listen(link.#server)
    return link
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  // Replaces all settings; open connections follow the new speed, latency and break.
  set(settings: LinkSettings): void {
    this.settings = settings
    this.#breaksLeft = settings.break === undefined ? 0 : (settings.break.times ?? 1)
    this.#credit = new LinkCredit()
    clearInterval(this.#timer)
    if (settings.bytesPerSecond !== undefined) {
      this.#timer = setInterval(() => this.#pumpAll(), TICK_MS)
    }
    this.#pumpAll()
  }

  // Nothing is delivered past `ceiling` bytes in all until the returned function is called, which
  // tells whether the link had come that far. For claims of the kind "before N more bytes came":
  // they then hold or fail by bytes, however busy the machine is.
  holdAt(ceiling: number): () => boolean {
    this.#ceilings.add(ceiling)
    return () => {
      const reached = this.delivered >= ceiling
      this.#ceilings.delete(ceiling)
      this.#pumpAll()
      return reached
    }
  }

  // Lets stalled connections go on.
  release(): void {
    for (const connection of this.open) connection.release()
  }

  // Ends every open connection now, by RST or FIN.
  cutAll(by: 'fin' | 'rst'): void {
    for (const connection of this.open) connection.cut(by)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    for (const connection of this.open) connection.destroy()
    await closeServer(this.#server, this.#sockets)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  // How many of the bytes asked for may pass now; the answer is already taken from the credit.
  takeCredit(asked: number, { credit }: LinkConnection): number {
    const wanted = Math.min(asked, Math.min(...this.#ceilings) - this.delivered)
    if (wanted <= 0) return 0
    const { bytesPerSecond, isEachAsFast } = this.settings
    if (bytesPerSecond === undefined) return wanted
    return (isEachAsFast ? credit : this.#credit).take(wanted, bytesPerSecond)
  }

  takeBreak(): LinkBreak | undefined {
    if (this.#breaksLeft <= 0) return undefined
    this.#breaksLeft -= 1
    return this.settings.break
  }

  #accept(client: Socket): void {
    this.connections += 1
    if (this.settings.refuse === true) {
      client.resetAndDestroy()
      return
    }
    const where = { host: this.#target.hostname, port: Number(this.#target.port) }
    const target = net.connect({ ...where, allowHalfOpen: true, noDelay: true, ...READ_AHEAD })
    const connection = new LinkConnection(this, client, target)
    this.open.add(connection)
    client.once('close', () => {
      this.open.delete(connection)
      this.closed?.(connection)
    })
  }

  // Starts with another connection each time, so that none takes all the credit.
  #pumpAll(): void {
    const [first] = this.open
    if (first !== undefined) {
      this.open.delete(first)
      this.open.add(first)
    }
    for (const connection of this.open) connection.pump()
  }
}
