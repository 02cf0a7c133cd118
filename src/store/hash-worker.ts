// Hashes files that are still being written. A hash follows its download through the file, as any
// reader does: so a resumed prefix, late bytes and the page cache need no code of their own. What no
// file has is sent here, a chunk at a time, and follows what the file has.

import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { finishDigest } from '../oci/digest.ts'
import type { DigestAlgorithm } from '../oci/digest.ts'
import type { HashedFile, HashReply, HashRequest } from './hasher.ts'

/** Read per turn: long enough to be cheap, short enough that many downloads share the worker fairly. */
const SLICE_BYTES = 512 * 1024

/** Instead of a system's code: the file ends before what it should hold. */
const TOO_SHORT = 'TOO_SHORT'

interface Job {
  readonly id: number
  readonly algorithm: DigestAlgorithm
  readonly file: HashedFile | undefined
  readonly fd: number | undefined
  readonly hash: Hash
  position: number
  /** Bytes below this offset are in the file. */
  frontier: number
  appended: Uint8Array | undefined
  /** Somebody waits until the frontier is reached. */
  awaited: boolean
  /** Set once the frontier is the end of the content. */
  finished: boolean
}

const port = parentPort
if (!port) throw new Error('hash-worker runs as a worker only')

const jobs = new Map<number, Job>()
const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES)
let scheduled = false

port.on('message', (request: HashRequest) => {
  try {
    accept(request)
  } catch (error) {
    fail(request.id, error)
  }
  schedule()
})

function accept(request: HashRequest): void {
  if (request.op === 'begin') {
    const { id, algorithm, file } = request
    const fd = typeof file === 'string' ? openSync(file, 'r') : file
    const hash = createHash(algorithm)
    const begun = { position: 0, frontier: 0, appended: undefined, awaited: false }
    jobs.set(id, { id, algorithm, file, fd, hash, ...begun, finished: false })
    return
  }
  const job = jobs.get(request.id)
  if (!job) return
  if (request.op === 'drop') return drop(job)
  if (request.op === 'append') {
    job.appended = request.chunk
    return
  }
  job.frontier = request.frontier
  job.awaited = request.op === 'reach'
  job.finished = request.op === 'finish'
}

/** One slice per turn of the loop, so that messages and other jobs come in between. */
function schedule(): void {
  if (scheduled) return
  scheduled = true
  setImmediate(() => {
    scheduled = false
    let busy = false
    for (const job of jobs.values()) busy = turn(job) || busy
    if (busy) schedule()
  })
}

function turn(job: Job): boolean {
  try {
    const length = Math.min(SLICE_BYTES, job.frontier - job.position)
    if (length > 0) {
      const read = readSync(job.fd as number, buffer, 0, length, job.position)
      if (read === 0) throw tooShort()
      job.hash.update(read === SLICE_BYTES ? buffer : buffer.subarray(0, read))
      job.position += read
    }
    if (job.position < job.frontier) return true
    if (job.appended) job.hash.update(job.appended)
    if (job.appended || job.awaited) {
      job.appended = undefined
      job.awaited = false
      port?.postMessage({ id: job.id, isTaken: true } satisfies HashReply)
    }
    if (job.finished) {
      port?.postMessage({
        id: job.id,
        digest: finishDigest(job.algorithm, job.hash),
      } satisfies HashReply)
      drop(job)
    }
  } catch (error) {
    fail(job.id, error)
  }
  return false
}

function fail(id: number, error: unknown): void {
  const job = jobs.get(id)
  if (job) drop(job)
  const message = error instanceof Error ? error.message : String(error)
  const { code } = error as { code?: string }
  // Whatever else fails, as the want of memory or of file descriptors, says nothing of the file.
  const isFileBad = code === 'EIO' || code === TOO_SHORT
  port?.postMessage({ id, error: message, isFileBad } satisfies HashReply)
}

function tooShort(): Error {
  const message = 'the file is shorter than what was written to it'
  return Object.assign(new Error(message), { code: TOO_SHORT })
}

function drop(job: Job): void {
  jobs.delete(job.id)
  // An fd that was lent is its owner's to close.
  if (typeof job.file === 'string') closeSync(job.fd as number)
}
