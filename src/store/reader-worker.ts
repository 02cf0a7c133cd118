// The worker of those who look: a connection of its own to the index, which only reads.

import { parentPort, workerData } from 'node:worker_threads'
import Database from 'better-sqlite3'
import { loadAddon } from '../lib/embedded.ts'
import type { ReaderReply, ReaderRequest, ReaderWorkerData } from './reader-client.ts'
import { SqliteReader } from './sqlite-reader.ts'

/** A writer that takes in SQLite's log for a moment is waited for. */
const BUSY_MS = 5000
/** Whoever looks reads each page about once: more memory than this would not make it faster. */
const CACHE_KIB = 4096

const port = parentPort
if (!port) throw new Error('reader-worker runs as a worker only')

const { layout } = workerData as ReaderWorkerData

function openReader(): SqliteReader {
  const binding = loadAddon('better_sqlite3', layout.folder)
  // better-sqlite3 takes the addon object itself; its types know only a path.
  const options = binding ? { nativeBinding: binding as unknown as string } : {}
  const database = new Database(layout.index, { readonly: true, timeout: BUSY_MS, ...options })
  database.pragma(`cache_size = -${CACHE_KIB}`)
  return new SqliteReader(database)
}

function answer({ id, method, values }: ReaderRequest): ReaderReply {
  try {
    const call = reader[method] as (...values: unknown[]) => unknown
    return { id, value: call.apply(reader, [...values]) }
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) }
  }
}

const reader = openReader()
port.on('message', (request: ReaderRequest) => port.postMessage(answer(request)))
