// The worker that owns SQLite: the lock of the data folder and the index.

import { parentPort, workerData } from 'node:worker_threads'
import { loadAddon } from '../lib/embedded.ts'
import { StoreError } from '../errors.ts'
import type { IndexReply, IndexRequest, IndexWorkerData } from './index-client.ts'
import { openIndex } from './open-index.ts'
import { damageSentence, isDamage, markDamaged } from './set-aside.ts'

const port = parentPort
if (!port) throw new Error('index-worker runs as a worker only')

const { layout } = workerData as IndexWorkerData

function reply(message: IndexReply): void {
  port?.postMessage(message)
}

/** Errors cross the thread as plain data: a structured clone would lose their class. */
function failure(id: number, error: unknown): IndexReply {
  const message = error instanceof Error ? error.message : String(error)
  const found = error instanceof StoreError ? error.kind : undefined
  if (found === 'corrupt-index' || isDamage(error)) return damaged(id, message)
  if (found) return { id, error: message, kind: found }
  const code = (error as { code?: string }).code
  return { id, error: message, kind: code === 'SQLITE_FULL' ? 'full' : 'io' }
}

function damaged(id: number, because: string): IndexReply {
  markDamaged(layout, because)
  return { id, error: damageSentence(because), kind: 'corrupt-index' }
}

function main(): void {
  const { index, unlock } = openIndex(layout, loadAddon('better_sqlite3', layout.folder))
  port?.on('message', ({ id, method, values }: IndexRequest) => {
    try {
      const call = index[method] as (...values: unknown[]) => unknown
      const value = call.apply(index, [...values])
      if (method === 'close') unlock()
      reply({ id, value })
    } catch (error) {
      reply(failure(id, error))
    }
  })
}

try {
  main()
  reply({ id: 0, value: undefined })
} catch (error) {
  reply(failure(0, error))
}
