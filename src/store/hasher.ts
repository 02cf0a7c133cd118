// Hashing off the main thread: a few workers that read staged files behind their frontier, and take
// what is in no file. Only what is short, and needs no wait for the disk, is hashed at once.

import type { Worker } from 'node:worker_threads'
import { startWorker } from '../lib/embedded.ts'
import { StoreError } from '../errors.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import { shortHash } from './short-hash.ts'

export type HashRequest =
  | {
      readonly op: 'begin'
      readonly id: number
      readonly algorithm: DigestAlgorithm
      readonly file: HashedFile | undefined
    }
  | { readonly op: 'append'; readonly id: number; readonly chunk: Uint8Array }
  | { readonly op: 'advance' | 'reach' | 'finish'; readonly id: number; readonly frontier: number }
  | { readonly op: 'drop'; readonly id: number }

export type HashReply =
  | { readonly id: number; readonly digest: Digest }
  | { readonly id: number; readonly isTaken: true }
  | { readonly id: number; readonly error: string; readonly isFileBad: boolean }

/**
 * A path, or the fd of a file that its owner may have removed meanwhile: fds are of the process, so
 * every thread can read them. Who begins a hash with one keeps it open until the hash has ended.
 */
export type HashedFile = string | number

/** The running hash of one content. `finish` ends it, and `drop` at any time. */
export interface RunningHash {
  /** Every byte below `frontier` is in the file now. */
  advance(frontier: number): void
  /** The same; resolves when they are hashed. One at a time, as `append`. */
  reach(frontier: number): Promise<void>
  /** What follows the file's bytes, once no more of those come. Resolves when more is wanted: one at a time. */
  append(chunk: Uint8Array): Promise<void>
  /**
   * The file's part of the content ends at `frontier`. Rejects with StoreError where it cannot be
   * hashed, of kind `damaged-file` where it is the file that is bad.
   */
  finish(frontier: number): Promise<Digest>
  drop(): void
}

export interface Hasher {
  /** Without a file everything is appended. */
  begin(algorithm: DigestAlgorithm, file: HashedFile | undefined): RunningHash
  /**
   * Of the first bytes of a file that has just been written, at once. Throws StoreError as `finish`
   * rejects.
   */
  short(algorithm: DigestAlgorithm, fd: number, sizeBytes: number): Digest
  close(): Promise<void>
}

/** A hash waits for one reply at a time. */
interface Waiting {
  resolve(digest: Digest | undefined): void
  reject(error: Error): void
}

/** One of the workers; a new one takes the place of one that has died. */
interface Thread {
  readonly worker: Worker
  dead: StoreError | undefined
}

/** Downloads are dealt to `workers` threads in turn; each is started by its first one. */
export function startHasher(workers: number): Hasher {
  const url = new URL('./hash-worker.ts', import.meta.url)
  const waiting = new Map<number, Waiting & { readonly thread: Thread }>()
  const failed = new Map<number, StoreError>()
  let lastId = 0
  let isClosed = false

  const settle = (reply: HashReply): void => {
    const call = waiting.get(reply.id)
    waiting.delete(reply.id)
    if ('digest' in reply) return call?.resolve(reply.digest)
    if ('isTaken' in reply) return call?.resolve(undefined)
    const kind = reply.isFileBad ? 'damaged-file' : 'io'
    const error = new StoreError(kind, `cannot hash a file: ${reply.error}`)
    if (call) call.reject(error)
    else failed.set(reply.id, error)
  }
  const end = (thread: Thread, cause: unknown): void => {
    thread.dead ??= new StoreError('io', 'a hash worker has ended', { cause })
    for (const [id, call] of waiting) {
      if (call.thread !== thread) continue
      waiting.delete(id)
      call.reject(thread.dead)
    }
  }
  const start = (): Thread => {
    const worker = startWorker('hash-worker', url)
    const thread: Thread = { worker, dead: undefined }
    worker.on('message', settle)
    worker.on('error', (error) => end(thread, error))
    worker.on('exit', () => end(thread, undefined))
    if (isClosed) void worker.terminate()
    return thread
  }
  // A thread that waits for a first download would take 9 MB of a mirror that only serves what it holds.
  const threads: (Thread | undefined)[] = []
  const threadOf = (id: number): Thread => {
    const place = id % workers
    const thread = threads[place]
    return thread && (isClosed || !thread.dead) ? thread : (threads[place] = start())
  }

  return {
    begin(algorithm, file) {
      const id = ++lastId
      const thread = threadOf(id)
      const send = (request: HashRequest, moved: readonly ArrayBuffer[] = []): void =>
        thread.worker.postMessage(request, moved)
      const ask = (
        request: HashRequest,
        moved?: readonly ArrayBuffer[],
      ): Promise<Digest | undefined> =>
        new Promise((resolve, reject) => {
          const error = thread.dead ?? failed.get(id)
          failed.delete(id)
          if (error) return reject(error)
          waiting.set(id, { thread, resolve, reject })
          send(request, moved)
        })
      send({ op: 'begin', id, algorithm, file })
      return {
        advance: (frontier) => send({ op: 'advance', id, frontier }),
        reach: async (frontier) => void (await ask({ op: 'reach', id, frontier })),
        append: async (bytes) => {
          // A copy: what is handed over is gone here, and with a view goes all of what it is a view of.
          const chunk = new Uint8Array(bytes)
          await ask({ op: 'append', id, chunk }, [chunk.buffer])
        },
        finish: async (frontier) => (await ask({ op: 'finish', id, frontier })) as Digest,
        drop: () => {
          waiting.delete(id)
          failed.delete(id)
          send({ op: 'drop', id })
        },
      }
    },
    short: shortHash,
    async close() {
      isClosed = true
      await Promise.all(threads.flatMap((thread) => thread?.worker.terminate() ?? []))
    },
  }
}
