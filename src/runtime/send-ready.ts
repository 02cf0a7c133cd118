// Sends a response that is whole and in memory.

import type { ServerResponse } from 'node:http'
import type { ReadyResponse } from '../lib/exchange.ts'

/** A client that does not take it for `idleTimeoutMs` is cut. */
export function sendReady(
  { status, headers, body }: ReadyResponse,
  response: ServerResponse,
  idleTimeoutMs: number,
): void {
  const { socket } = response.req
  response.writeHead(status, headers)
  response.end(body)
  // What the system has taken at once, as it does nearly always, needs nobody to watch it leave.
  const isTaken = response.socket?.writableLength === 0
  if (!isTaken) response.setTimeout(idleTimeoutMs, () => socket.destroy())
}
