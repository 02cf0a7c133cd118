// Hashing off the main thread: a few workers that read staged files behind their frontier.

import type { Worker } from 'node:worker_threads'
import { startWorker } from '../lib/embedded.ts'
import { StoreError } from '../errors.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'

export type HashRequest =
  | {
      readonly op: 'begin'
      readonly id: number
      readonly algorithm: DigestAlgorithm
      readonly path: string
    }
  | { readonly op: 'advance' | 'finish'; readonly id: number; readonly frontier: number }
  | { readonly op: 'drop'; readonly id: number }

export type HashReply =
  { readonly id: number; readonly digest: Digest } | { readonly id: number; readonly error: string }

/** The running hash of one file. Ends with exactly one of `finish` and `drop`. */
export interface RunningHash {
  /** Every byte below `frontier` is in the file now. */
  advance(frontier: number): void
  /** The content ends at `frontier`. Rejects with StoreError where the file cannot be read. */
  finish(frontier: number): Promise<Digest>
  drop(): void
}

export interface Hasher {
  begin(algorithm: DigestAlgorithm, path: string): RunningHash
  close(): Promise<void>
}

interface Waiting {
  resolve(digest: Digest): void
  reject(error: Error): void
}

/** Starts `workers` threads; downloads are dealt to them in turn. */
export function startHasher(workers: number): Hasher {
  const url = new URL('./hash-worker.ts', import.meta.url)
  const threads = Array.from({ length: workers }, () => startWorker('hash-worker', url))
  const waiting = new Map<number, Waiting>()
  const failed = new Map<number, StoreError>()
  let lastId = 0

  const settle = (reply: HashReply): void => {
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('digest' in reply) return call?.resolve(reply.digest)
    const error = new StoreError('io', `cannot read a staged file: ${reply.error}`)
    if (call) call.reject(error)
    else failed.set(reply.id, error)
  }
  let dead: StoreError | undefined
  const failAll = (cause: unknown): void => {
    dead ??= new StoreError('io', 'a hash worker has ended', { cause })
    for (const call of waiting.values()) call.reject(dead)
    waiting.clear()
  }
  for (const thread of threads) {
    thread.on('message', settle)
    thread.on('error', failAll)
    thread.on('exit', () => failAll(undefined))
  }

  return {
    begin(algorithm, path) {
      const id = ++lastId
      const thread = threads[id % threads.length] as Worker
      const send = (request: HashRequest): void => thread.postMessage(request)
      send({ op: 'begin', id, algorithm, path })
      return {
        advance: (frontier) => send({ op: 'advance', id, frontier }),
        finish: (frontier) =>
          new Promise((resolve, reject) => {
            const error = dead ?? failed.get(id)
            failed.delete(id)
            if (error) return reject(error)
            waiting.set(id, { resolve, reject })
            send({ op: 'finish', id, frontier })
          }),
        drop: () => {
          failed.delete(id)
          send({ op: 'drop', id })
        },
      }
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.terminate()))
    },
  }
}
