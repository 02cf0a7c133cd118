// The downloading clients of every server alike: they take a body off their sockets without looking at
// it. In a process of their own.
import path from 'node:path'
import { run } from '../support/process.ts'

export interface Asked {
  readonly size: number // of the body
  readonly from?: number // with a Range, of so many bytes from here on
}

export interface DiscardJob {
  readonly url: string
  readonly connections: readonly (readonly Asked[])[] // what each asks for, one after another
  readonly authority?: string // PEM of the one to trust, for https
  readonly file?: string // what the body should be: every so many'th is read and compared with it
}

const PROCESS = path.join(import.meta.dirname, 'discard-process.ts')
const TIMEOUT_MS = 180_000

// Gives the seconds until the slowest was done, without the start of the process and the connecting;
// throws if a single byte is missing.
export async function discard(job: DiscardJob): Promise<number> {
  // Every connection waits for its bytes in a thread.
  const env = { UV_THREADPOOL_SIZE: String(job.connections.length + 2) }
  const args = [PROCESS, JSON.stringify(job)]
  const { stdout } = await run(process.execPath, args, { env, timeoutMs: TIMEOUT_MS })
  return (JSON.parse(stdout) as { readonly seconds: number }).seconds
}

// Each client takes the whole body so many times, one after another.
export function wholes(clients: number, size: number, pulls = 1): DiscardJob['connections'] {
  return Array.from({ length: clients }, () => Array.from({ length: pulls }, () => ({ size })))
}
