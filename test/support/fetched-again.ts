// How much of a blob a mirror fetches again after it was interrupted, measured on its side of the
// link: what it had taken out of its sockets when it was stopped, against where it went on. Each
// connection is to carry one answer only (the upstream says `connection: close`).
import { readFileSync } from 'node:fs'
import { addExtent, extentBytes } from '../../src/lib/extents.ts'
import type { Extent } from '../../src/lib/extents.ts'
import type { FaultyLink } from './faulty-link.ts'
import type { LinkConnection } from './link-connection.ts'

// An acknowledgement may wait for a second segment, and a segment of the loopback has 64 KiB: so much
// may have been read already. It is counted as if it had been, which errs to the mirror's disadvantage.
const ON_THE_WAY = 128 * 1024

export class FetchedAgain {
  static readonly script = { reply: { headers: { connection: 'close' } } }
  bytes = 0 // of blobs, in all
  worst = 0 // of one blob after one interruption
  worstOf = '' // which blob that was
  interrupted = 0 // downloads under way when the mirror was stopped
  readonly #links: readonly FaultyLink[]
  readonly #had = new Map<string, readonly Extent[]>()
  readonly #again = new Map<string, number>()
  readonly #counted = new WeakSet<LinkConnection>()

  constructor(links: readonly FaultyLink[]) {
    this.#links = links
    for (const link of links) link.closed = (connection) => this.#count(connection, 0)
  }

  // The mirror is stopped (SIGSTOP) and about to be killed. What the kernel holds on either side of the
  // connection was never its own.
  interrupt(): void {
    this.settle()
    const queues = socketQueues()
    for (const link of this.#links) {
      for (const connection of link.open) {
        if (this.#count(connection, unreadOf(connection, link, queues))) this.interrupted += 1
      }
    }
  }

  // Nothing more comes of the last interruption.
  settle(): void {
    for (const [digest, bytes] of this.#again) {
      if (bytes <= this.worst) continue
      this.worst = bytes
      this.worstOf = `${digest}, of which ${JSON.stringify(this.#had.get(digest))} came`
    }
    this.#again.clear()
  }

  #count(connection: LinkConnection, unread: number): boolean {
    const asked = /^GET \S+\/blobs\/(\S+) /.exec(connection.firstRequest)
    const { firstHeadBytes } = connection
    if (!asked || firstHeadBytes === undefined || this.#counted.has(connection)) return false
    this.#counted.add(connection)
    const [, digest = ''] = asked
    const start = Number(/^range: bytes=(\d+)-/im.exec(connection.firstRequest)?.[1] ?? 0)
    const end = start + Math.max(0, connection.delivered - firstHeadBytes - unread)
    const had = this.#had.get(digest) ?? []
    const has = addExtent(had, { start, end })
    const again = end - start - (extentBytes(has) - extentBytes(had))
    this.#had.set(digest, has)
    this.#again.set(digest, (this.#again.get(digest) ?? 0) + again)
    this.bytes += end - start
    return true
  }
}

// What the link has delivered and the mirror has not taken in, while that is stopped (SIGSTOP).
export function unreadBytes(link: FaultyLink): number {
  const queues = socketQueues()
  let bytes = 0
  for (const connection of link.open) bytes += unreadOf(connection, link, queues)
  return bytes
}

function unreadOf(
  { clientPort, waitingBytes }: LinkConnection,
  { port }: FaultyLink,
  queues: ReadonlyMap<string, Queues>,
): number {
  const received = queues.get(`${clientPort} ${port}`)?.unread ?? 0
  const unsent = (queues.get(`${port} ${clientPort}`)?.unacknowledged ?? 0) - ON_THE_WAY
  return received + Math.max(0, unsent) + waitingBytes
}

interface Queues {
  readonly unread: number
  readonly unacknowledged: number // sent or not; what was sent may have been read
}

// What the kernel holds for each connection's end, by `LOCAL-PORT PEER-PORT`.
function socketQueues(): Map<string, Queues> {
  const rows = readFileSync('/proc/net/tcp', 'utf8').trim().split('\n').slice(1)
  return new Map(
    rows.map((row) => {
      const [, local = '', peer = '', , both = ''] = row.trim().split(/\s+/)
      const [unacknowledged = 0, unread = 0] = both.split(':').map((hex) => parseInt(hex, 16))
      const port = (address: string) => parseInt(address.split(':')[1] ?? '', 16)
      return [`${port(local)} ${port(peer)}`, { unread, unacknowledged }]
    }),
  )
}
