// A connection of which the test writes every byte itself.
import { once } from 'node:events'
import net from 'node:net'
import type { Socket } from 'node:net'

// Paused: nothing is read before the test reads.
export async function connectTo(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  socket.on('error', () => {}) // 'close' tells
  socket.pause()
  return socket
}

export interface Talk {
  readonly received: Buffer
  readonly isReset: boolean
}

// All that comes until the connection has ended.
export async function untilClosed(socket: Socket): Promise<Talk> {
  const chunks: Buffer[] = []
  let isReset = false
  socket.on('error', ({ code }: NodeJS.ErrnoException) => (isReset ||= code === 'ECONNRESET'))
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  await closed
  return { received: Buffer.concat(chunks), isReset }
}

export interface Part {
  readonly status: number
  readonly body: Buffer
  readonly rest: Buffer
}

// The first response of several on one connection, each with a Content-Length.
export function firstResponse(received: Buffer): Part {
  const end = received.indexOf('\r\n\r\n') + 4
  const head = received.toString('latin1', 0, end)
  const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1])
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1])
  const body = received.subarray(end, end + length)
  return { status, body, rest: received.subarray(end + length) }
}
