// The main thread's side of the index: calls go to the worker, answers come back as promises.

import { startWorker } from '../lib/embedded.ts'
import { StoreError } from '../errors.ts'
import type { WorkerIndex } from './index-port.ts'
import type { Layout } from './layout.ts'

export interface IndexWorkerData {
  readonly layout: Layout
}

export interface IndexRequest {
  readonly id: number
  readonly method: keyof WorkerIndex
  readonly values: readonly unknown[]
}

export type IndexReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: string; readonly kind: StoreError['kind'] }

interface Waiting {
  resolve(value: unknown): void
  reject(error: Error): void
}

const METHODS: readonly (keyof WorkerIndex)[] = [
  'findTag',
  'moveTag',
  'forgetTag',
  'findContent',
  'recordContent',
  'findManifest',
  'recordManifest',
  'publishBlob',
  'forgetBlob',
  'findBlob',
  'checkedBlob',
  'leastRecentlyChecked',
  'blobsAfter',
  'adoptBlob',
  'restoreManifest',
  'checkManifests',
  'restore',
  'pendingCheck',
  'checkDone',
  'countPulls',
  'pin',
  'unpin',
  'unpinAll',
  'keepPins',
  'endPins',
  'endLeft',
  'pinsVersion',
  'beginWarmRun',
  'forgetBegunWarmRun',
  'recordWarmRun',
  'closeWarmRuns',
  'lastWarmRuns',
  'lastWarmRunsOf',
  'lastWarmRunOfEach',
  'usage',
  'evictImage',
  'evictUntagged',
  'evictOrphans',
  'remove',
  'wholePlatforms',
  'recordUses',
  'usedTags',
  'usedRepositories',
  'isOpen',
  'seenIn',
  'findVisibility',
  'recordVisibility',
  'knownTags',
  'findTagList',
  'recordTagList',
  'knownReferrers',
  'findReferrers',
  'recordReferrers',
  'heldRepositories',
  'close',
]

/** Takes the data folder's lock and opens its index. Throws StoreError where that cannot be. */
export async function openIndexClient(layout: Layout): Promise<WorkerIndex> {
  const url = new URL('./index-worker.ts', import.meta.url)
  const worker = startWorker('index-worker', url, {
    workerData: { layout } satisfies IndexWorkerData,
  })
  const waiting = new Map<number, Waiting>()
  let lastId = 0

  const opened = new Promise<unknown>((resolve, reject) => waiting.set(0, { resolve, reject }))
  worker.on('message', (replies: readonly IndexReply[]) => {
    for (const reply of replies) settle(waiting, reply)
  })
  let dead: StoreError | undefined
  const die = (cause: Error): void => {
    dead ??= new StoreError('io', `the index failed: ${cause.message}`, { cause })
    for (const call of waiting.values()) call.reject(dead)
    waiting.clear()
  }
  worker.on('error', die)
  worker.on('exit', () => die(new Error('its worker has ended')))
  await opened

  // What is asked in one go crosses the thread as one message: each costs as much as many questions.
  let asked: IndexRequest[] = []
  const send = (): void => {
    worker.postMessage(asked satisfies readonly IndexRequest[])
    asked = []
  }
  const call = (method: keyof WorkerIndex, values: readonly unknown[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (dead) return reject(dead)
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      if (asked.push({ id, method, values }) === 1) queueMicrotask(send)
    })
  const methods = Object.fromEntries(
    METHODS.map((method) => [method, (...values: unknown[]) => call(method, values)]),
  ) as unknown as WorkerIndex
  const close = async (): Promise<void> => {
    try {
      await methods.close()
    } finally {
      await worker.terminate()
    }
  }
  return { ...methods, close }
}

function settle(waiting: Map<number, Waiting>, reply: IndexReply): void {
  const call = waiting.get(reply.id)
  waiting.delete(reply.id)
  if ('error' in reply) call?.reject(new StoreError(reply.kind, reply.error))
  else call?.resolve(reply.value)
}
