// The worker that owns SQLite: the lock of the data folder and the index.

import { parentPort, workerData } from 'node:worker_threads'
import { loadAddon } from '../lib/embedded.ts'
import { StoreError } from '../errors.ts'
import type { IndexReply, IndexRequest, IndexWorkerData } from './index-client.ts'
import { openIndex } from './open-index.ts'
import { damageSentence, isDamage, markDamaged } from './set-aside.ts'

/** Whatever makes room. */
const REMOVALS: readonly IndexRequest['method'][] = [
  'evictImage',
  'evictUntagged',
  'evictOrphans',
  'remove',
  'forgetBlob',
  'unpinAll',
  'endPins',
  'endLeft',
]

const port = parentPort
if (!port) throw new Error('index-worker runs as a worker only')

const { layout } = workerData as IndexWorkerData

/** Of many questions that came at once: whoever asked first does not wait for the last. */
const REPLIES_AT_ONCE = 64

function reply(replies: readonly IndexReply[]): void {
  port?.postMessage(replies)
}

/** Errors cross the thread as plain data: a structured clone would lose their class. */
function failure(id: number, error: unknown): IndexReply {
  const message = error instanceof Error ? error.message : String(error)
  const found = error instanceof StoreError ? error.kind : undefined
  if (found === 'corrupt-index' || isDamage(error)) return damaged(id, message)
  if (found) return { id, error: message, kind: found }
  if (!isFull(error)) return { id, error: message, kind: 'io' }
  const remedy = 'free some space on it, or remove images with regmirror rm'
  return { id, error: `the disk of ${layout.folder} is full: ${remedy}`, kind: 'full' }
}

function isFull(error: unknown): boolean {
  return (error as { code?: string }).code === 'SQLITE_FULL'
}

function damaged(id: number, because: string): IndexReply {
  markDamaged(layout, because)
  return { id, error: damageSentence(because), kind: 'corrupt-index' }
}

function main(): void {
  const addon = loadAddon('better_sqlite3', layout.folder)
  const { index, reserve, unlock } = openIndex(layout, addon)
  const answer = ({ method, values }: IndexRequest): unknown => {
    const call = index[method] as (...values: unknown[]) => unknown
    const run = (): unknown => call.apply(index, [...values])
    if (!REMOVALS.includes(method)) return run()
    try {
      return run()
    } catch (error) {
      // What would free a full disk has failed for want of room, and was rolled back.
      if (!isFull(error) || !reserve.spend()) throw error
      return run()
    }
  }
  const replyTo = (request: IndexRequest): IndexReply => {
    try {
      const value = answer(request)
      if (request.method === 'close') unlock()
      return { id: request.id, value }
    } catch (error) {
      return failure(request.id, error)
    } finally {
      reserve.refill()
    }
  }
  port?.on('message', (requests: readonly IndexRequest[]) => {
    for (let at = 0; at < requests.length; at += REPLIES_AT_ONCE) {
      reply(requests.slice(at, at + REPLIES_AT_ONCE).map(replyTo))
    }
  })
}

try {
  main()
  reply([{ id: 0, value: undefined }])
} catch (error) {
  reply([failure(0, error)])
}
