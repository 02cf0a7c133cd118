// The main thread's side of the reader. Its worker is started by the first who looks, and ended when
// nobody has looked for a while: memory that waits for nothing counts too.

import type { Worker } from 'node:worker_threads'
import { StoreError } from '../errors.ts'
import { startWorker } from '../lib/embedded.ts'
import type { Layout } from './layout.ts'
import type { IndexReader } from './reader-port.ts'

export interface ReaderWorkerData {
  readonly layout: Layout
}

export interface ReaderRequest {
  readonly id: number
  readonly method: keyof IndexReader
  readonly values: readonly unknown[]
}

export type ReaderReply =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: string }

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

/** It takes 10 MiB; pages of one list follow each other sooner, and pins are counted once a minute at most. */
const IDLE_MS = 2000

const METHODS: readonly (keyof IndexReader)[] = [
  'registries',
  'images',
  'likelyRepositories',
  'pullCounts',
  'untaggedImages',
  'imagesByUse',
  'imagesNaming',
  'orphans',
  'pinnedBytes',
  'pinningLists',
  'keptByLists',
]

/** The index has to be open already. Methods throw StoreError. */
export function openReader(layout: Layout): IndexReader {
  const calls = new ReaderCalls(layout)
  const methods = Object.fromEntries(
    METHODS.map((method) => [method, (...values: unknown[]) => calls.call(method, values)]),
  ) as unknown as IndexReader
  return { ...methods, close: () => calls.close() }
}

class ReaderCalls {
  readonly #layout: Layout
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | undefined
  #idle: NodeJS.Timeout | undefined
  #lastId = 0
  #isClosed = false

  constructor(layout: Layout) {
    this.#layout = layout
  }

  call(method: keyof IndexReader, values: readonly unknown[]): Promise<unknown> {
    clearTimeout(this.#idle)
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new StoreError('io', 'the store is being closed'))
      const id = ++this.#lastId
      this.#waiting.set(id, { resolve, reject })
      this.#worker ??= this.#start()
      this.#worker.postMessage({ id, method, values } satisfies ReaderRequest)
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#end('the store is being closed')
  }

  #start(): Worker {
    const url = new URL('./reader-worker.ts', import.meta.url)
    const workerData = { layout: this.#layout } satisfies ReaderWorkerData
    const worker = startWorker('reader-worker', url, { workerData })
    const die = (why: string): void => {
      if (this.#worker === worker) void this.#end(why)
    }
    worker.on('message', (reply: ReaderReply) => this.#settle(reply))
    worker.on('error', (error) => die(error.message))
    worker.on('exit', () => die('its worker has ended'))
    return worker
  }

  #settle(reply: ReaderReply): void {
    const call = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if ('error' in reply) call?.reject(unreadable(reply.error))
    else call?.resolve(reply.value)
    if (this.#waiting.size > 0) return
    this.#idle = setTimeout(() => void this.#end('nobody looks'), IDLE_MS)
    this.#idle.unref()
  }

  /** The next call starts another worker. */
  async #end(why: string): Promise<void> {
    clearTimeout(this.#idle)
    const worker = this.#worker
    this.#worker = undefined
    for (const call of this.#waiting.values()) call.reject(unreadable(why))
    this.#waiting.clear()
    await worker?.terminate()
  }
}

function unreadable(why: string): StoreError {
  return new StoreError('io', `the index could not be read: ${why}`)
}
