// One connection through a FaultyLink: moves bytes down when the link's credit allows, up at once,
// each after the link's latency, and breaks where the link says.
import type { Socket } from 'node:net'
import type { FaultyLink } from './faulty-link.ts'
import { LateWriter } from './late-writer.ts'
import { LinkCredit } from './link-credit.ts'

export class LinkConnection {
  delivered = 0
  readonly credit = new LinkCredit() // its own, where each connection is as fast
  firstRequest = '' // what the client sent first, as far as it came at once
  firstHeadBytes: number | undefined // of the first answer, if its head came at once
  readonly #link: FaultyLink
  readonly #client: Socket
  readonly #target: Socket
  readonly #toClient: LateWriter
  readonly #toTarget: LateWriter
  #stalled = false

  constructor(link: FaultyLink, client: Socket, target: Socket) {
    this.#link = link
    this.#client = client
    this.#target = target
    const latency = () => link.settings.latencyMs ?? 0
    this.#toClient = new LateWriter(client, latency)
    this.#toTarget = new LateWriter(target, latency)

    client.on('data', (chunk) => {
      this.firstRequest ||= chunk.toString('latin1')
      this.#toTarget.write(chunk)
    })
    client.on('end', () => this.#toTarget.end())
    client.on('error', () => target.destroy())
    client.on('close', () => target.destroy())
    client.on('drain', () => this.pump())
    target.on('readable', () => this.pump())
    target.on('end', () => this.#toClient.end())
    target.on('error', () => this.cut('rst'))
  }

  get clientPort(): number | undefined {
    return this.#client.remotePort
  }

  // Delivered, and still in this process.
  get waitingBytes(): number {
    return this.#client.writableLength
  }

  pump(): void {
    while (!this.#stalled && this.#moveSome()) {
      // until nothing is there, or nothing may pass
    }
    // A read at the end of the stream is what lets it emit 'end'.
    if (!this.#stalled && this.#target.readableLength === 0) this.#target.read(0)
  }

  #moveSome(): boolean {
    const { readableLength } = this.#target
    if (readableLength === 0 || this.#client.writableNeedDrain) return false
    const limit = this.#link.settings.break?.afterBytes ?? Infinity
    const allowed = this.delivered < limit ? limit - this.delivered : Infinity
    const granted = this.#link.takeCredit(Math.min(readableLength, allowed), this)
    const chunk = granted === 0 ? null : (this.#target.read(granted) as Buffer | null)
    if (chunk === null) return false
    if (this.delivered === 0) {
      const end = chunk.indexOf('\r\n\r\n')
      if (end >= 0) this.firstHeadBytes = end + 4
    }
    this.delivered += chunk.length
    this.#link.delivered += chunk.length
    const reached = this.delivered === limit ? this.#link.takeBreak() : undefined
    if (reached === undefined) {
      this.#toClient.write(chunk)
      return true
    }
    this.#stalled = true
    const { by } = reached
    this.#toClient.write(chunk, by === 'stall' ? undefined : () => this.cut(by))
    return false
  }

  release(): void {
    this.#stalled = false
    this.pump()
  }

  cut(by: 'fin' | 'rst'): void {
    if (by === 'fin') this.#client.destroySoon()
    else this.#client.resetAndDestroy()
    this.#target.destroy()
  }

  destroy(): void {
    this.#client.destroy()
    this.#target.destroy()
  }
}
