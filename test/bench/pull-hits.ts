// Clients that all take one large blob that a server holds.
import type { Blob } from './catalog.ts'
import { discard, wholes } from './discard.ts'
import type { Sample } from './metrics.ts'
import { blobUrl } from './servers.ts'
import type { Server } from './servers.ts'
import { measureUsage } from './usage.ts'

export interface Clients {
  readonly clients: number
  readonly pulls: number // of each, one after another
}

// `authority`: PEM of the one to trust, for https.
export async function pullHits(
  server: Server,
  blob: Blob,
  { clients, pulls }: Clients,
  authority?: string,
): Promise<Sample> {
  const connections = wholes(clients, blob.size, pulls)
  const job = { url: blobUrl(server, blob), connections, ...(authority && { authority }) }
  const {
    result: seconds,
    cpuSeconds,
    peakMiB,
  } = await measureUsage(server.pid, () => discard(job))
  const bytes = blob.size * clients * pulls
  return { rate: bytes / 1e6 / seconds, cpuPerGB: cpuSeconds / (bytes / 1e9), peak: peakMiB }
}

export function clientsTitle(clients: number): string {
  return `${clients} client${clients === 1 ? '' : 's'}`
}
