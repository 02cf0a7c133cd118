// Bytes that can be produced from any offset without being kept: given ones, seeded random ones,
// zeroes, and several in a row. The digest is computed on first use, by streaming.
import { createCipheriv, createHash } from 'node:crypto'

export interface Content {
  readonly size: number
  readonly digest: string
  // Bytes from `start` up to but not including `end`. A chunk is not to be written to.
  chunks(start?: number, end?: number): Iterable<Buffer>
}

const CHUNK = 256 * 1024
const ZEROES = Buffer.alloc(CHUNK)
const BLOCK = 16

// Of `zeroContent(SIZE)`: many seconds of hashing that no test run should repeat.
const KNOWN_ZEROES = new Map([
  [4.25 * 2 ** 30, 'sha256:3c404d434bf9533da6f4b3f1b813094c81fe71c39e878b9d376e8eb54bb84b2c'],
  [6 * 2 ** 30, 'sha256:5c32c2b28999325bc5ad39d6530bcb46fbdf1f86375a991b7269764c50b0d109'],
])

export function sha256(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export function bytesContent(bytes: Buffer): Content {
  return withDigest(bytes.length, function* (start, end) {
    for (let at = start; at < end; at += CHUNK) yield bytes.subarray(at, Math.min(at + CHUNK, end))
  })
}

export function zeroContent(size: number): Content {
  const chunks = function* (start: number, end: number) {
    for (let at = start; at < end; at += CHUNK) yield ZEROES.subarray(0, Math.min(CHUNK, end - at))
  }
  return withDigest(size, chunks, KNOWN_ZEROES.get(size))
}

// A cipher's key stream: incompressible, the same for the same seed, and seekable by its counter.
export function seededContent(seed: string, size: number): Content {
  const key = createHash('sha256').update(seed).digest().subarray(0, BLOCK)
  return withDigest(size, function* (start, end) {
    const counter = Buffer.alloc(BLOCK)
    counter.writeBigUInt64BE(BigInt(Math.floor(start / BLOCK)), 8)
    const cipher = createCipheriv('aes-128-ctr', key, counter)
    cipher.update(ZEROES.subarray(0, start % BLOCK))
    for (let at = start; at < end; at += CHUNK) {
      yield cipher.update(ZEROES.subarray(0, Math.min(CHUNK, end - at)))
    }
  })
}

export function joinedContent(parts: readonly Content[]): Content {
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  return withDigest(size, function* (start, end) {
    let offset = 0
    for (const part of parts) {
      const from = Math.max(0, start - offset)
      const to = Math.min(part.size, end - offset)
      if (from < to) yield* part.chunks(from, to)
      offset += part.size
    }
  })
}

// The same bytes held in memory: for comparing what many clients receive at the speed of memory.
export interface HeldContent extends Content {
  readonly bytes: Buffer
}

export function heldContent(content: Content): HeldContent {
  const bytes = readAll(content)
  return { ...plain(bytesContent(bytes)), digest: content.digest, bytes }
}

export function readAll(content: Content, start = 0, end = content.size): Buffer {
  const all = Buffer.allocUnsafe(Math.max(0, end - start))
  let at = 0
  for (const chunk of content.chunks(start, end)) at += chunk.copy(all, at)
  return all
}

function plain(content: Content): Pick<Content, 'size' | 'chunks'> {
  return { size: content.size, chunks: (start, end) => content.chunks(start, end) }
}

function withDigest(
  size: number,
  chunks: (start: number, end: number) => Iterable<Buffer>,
  known?: string,
): Content {
  let digest = known
  return {
    size,
    chunks: (start = 0, end = size) => chunks(Math.max(0, start), Math.min(end, size)),
    get digest() {
      if (digest === undefined) {
        const hash = createHash('sha256')
        for (const chunk of chunks(0, size)) hash.update(chunk)
        digest = `sha256:${hash.digest('hex')}`
      }
      return digest
    },
  }
}
