// One response's tie to its connection: one place to wait for "written" or "gone".

import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { tcpOf } from './tls-port.ts'

/** After a FIN, how long a client may keep talking before the connection is dropped. */
const LINGER_MS = 2000

/**
 * Settles on the socket's `close`, not the response's: a pipelined response that never got its turn
 * hears nothing else on Deno, and its write callbacks never come on Node.
 */
export class Link {
  readonly socket: Socket
  #isGone = false
  #settle: (() => void) | undefined
  readonly #onClose = (): void => {
    this.#isGone = true
    const settle = this.#settle
    this.#settle = undefined
    settle?.()
  }

  constructor(request: IncomingMessage) {
    this.socket = request.socket
    this.#isGone = request.socket.destroyed
    this.socket.once('close', this.#onClose)
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Resolves when `start` calls back, or when the connection is gone: one wait at a time. */
  wait(start: (done: () => void) => void): Promise<void> {
    if (this.#isGone) return Promise.resolve()
    return new Promise((resolve) => {
      this.#settle = resolve
      start(() => {
        if (this.#settle !== resolve) return
        this.#settle = undefined
        resolve()
      })
    })
  }

  release(): void {
    this.socket.off('close', this.#onClose)
  }

  /** For a body that only the end of the connection delimits: many take even an end of TLS that nobody announced for a good one. */
  reset(): void {
    tcpOf(this.socket).resetAndDestroy()
  }

  /**
   * Ends a body that cannot be completed so that the client gets every byte written and then FIN:
   * containerd resumes after FIN only. To be called when no write is in flight (Bun loses the FIN
   * else). What the client still sends is read and dropped, since unread bytes turn a close into RST.
   */
  breakOff(): void {
    const { socket } = this
    if (this.#isGone || socket.destroyed) return
    socket.removeAllListeners('data')
    socket.on('data', () => undefined)
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
    socket.once('end', () => socket.destroySoon())
    socket.end()
    socket.resume()
  }
}
