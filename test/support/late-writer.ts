// Writes to a socket at once, or a given time later; never out of order, also while that time
// changes.
import { performance } from 'node:perf_hooks'
import type { Socket } from 'node:net'

interface Late {
  readonly due: number
  readonly act: () => void
}

export class LateWriter {
  readonly #socket: Socket
  readonly #latencyMs: () => number
  readonly #queue: Late[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, latencyMs: () => number) {
    this.#socket = socket
    this.#latencyMs = latencyMs
    socket.once('close', () => clearTimeout(this.#timer))
  }

  write(chunk: Buffer, written?: () => void): void {
    this.#later(() => this.#socket.write(chunk, written))
  }

  end(): void {
    this.#later(() => this.#socket.end())
  }

  #later(act: () => void): void {
    const latency = this.#latencyMs()
    const last = this.#queue.at(-1)
    if (latency === 0 && last === undefined) {
      if (!this.#socket.destroyed) act()
      return
    }
    const due = Math.max(performance.now() + latency, last?.due ?? 0)
    this.#queue.push({ due, act })
    if (last === undefined) this.#arm(due)
  }

  #arm(due: number): void {
    this.#timer = setTimeout(() => this.#flush(), Math.max(0, due - performance.now()))
  }

  #flush(): void {
    for (let late = this.#queue[0]; late !== undefined; late = this.#queue[0]) {
      if (this.#socket.destroyed) return
      if (late.due > performance.now()) {
        this.#arm(late.due)
        return
      }
      this.#queue.shift()
      late.act()
    }
  }
}
