// Ports on loopback: a free one for a daemon that cannot listen on 0, a closed one for an origin
// that must not be reachable, and the listening and closing of in-process servers.
import { once } from 'node:events'
import net from 'node:net'
import type { Server, Socket } from 'node:net'

// tcpmux: nothing listens there, and no client of an ephemeral port can get it by chance.
export const CLOSED_ORIGIN = '127.0.0.1:1'

export async function freePort(): Promise<number> {
  const server = net.createServer()
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  return port
}

export async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  server.listen({ port: 0, host, backlog: 2048 })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

// Remembers the open connections of a server so that closing it does not wait for its clients.
export function trackSockets(server: Server): Set<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

export async function closeServer(server: Server, sockets: Iterable<Socket>): Promise<void> {
  const closed = server.listening ? once(server, 'close') : undefined
  server.close()
  for (const socket of sockets) socket.destroy()
  await closed
}
