// The main thread's side of long looks at an index: whether it is sound, and what a damaged one tells.

import { once } from 'node:events'
import { startWorker } from '../lib/embedded.ts'
import { StoreError } from '../errors.ts'
import type { SalvagedRow } from './index-port.ts'
import type { Layout } from './layout.ts'
import { damageSentence } from './set-aside.ts'

export interface InspectWorkerData {
  readonly layout: Layout
  readonly file: string
  readonly look: 'check' | 'salvage'
}

export type InspectReply =
  { readonly value: unknown } | { readonly error: string } | { readonly end: true }

/** What is done with an index apart from using it. */
export interface IndexInspection {
  /** What is wrong with the index in use and what to do, in a sentence; undefined where it is sound. */
  damage(signal: AbortSignal): Promise<string | undefined>
  /** Of the index that lies in `file`. Throws StoreError where nothing can be read. */
  salvage(file: string, signal: AbortSignal): AsyncIterable<readonly SalvagedRow[]>
}

export function indexInspection(layout: Layout): IndexInspection {
  return {
    async damage(signal) {
      for await (const found of looks({ layout, file: layout.index, look: 'check' }, signal)) {
        if (found !== 'ok') return damageSentence(String(found))
      }
      return undefined
    },
    salvage: (file, signal) =>
      looks({ layout, file, look: 'salvage' }, signal) as AsyncIterable<readonly SalvagedRow[]>,
  }
}

/** The worker goes on only when it is asked to. */
async function* looks(workerData: InspectWorkerData, signal: AbortSignal): AsyncGenerator<unknown> {
  const worker = startWorker('inspect-worker', new URL('./inspect-worker.ts', import.meta.url), {
    workerData,
  })
  try {
    for (;;) {
      const answered = once(worker, 'message', { signal })
      worker.postMessage('next')
      const [reply] = (await answered) as [InspectReply]
      if ('error' in reply) {
        throw new StoreError('io', `cannot read ${workerData.file}: ${reply.error}`)
      }
      if ('end' in reply) return
      yield reply.value
    }
  } finally {
    await worker.terminate()
  }
}
