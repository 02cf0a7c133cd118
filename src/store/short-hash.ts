// The digest of a short file that has just been written, on the thread that asks.

import { readSync } from 'node:fs'
import { StoreError } from '../errors.ts'
import { digestOf } from '../oci/digest.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'

/** Of its first bytes. Throws StoreError, of kind `damaged-file` where the file is bad. */
export function shortHash(algorithm: DigestAlgorithm, fd: number, sizeBytes: number): Digest {
  const bytes = Buffer.allocUnsafe(sizeBytes)
  let position = 0
  while (position < sizeBytes) {
    const read = readNext(fd, bytes, position)
    if (read === 0) throw tooShort()
    position += read
  }
  return digestOf(bytes, algorithm)
}

function readNext(fd: number, bytes: Buffer, position: number): number {
  try {
    return readSync(fd, bytes, position, bytes.length - position, position)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const kind = code === 'EIO' ? 'damaged-file' : 'io'
    throw new StoreError(kind, `cannot hash a file: ${message}`)
  }
}

function tooShort(): StoreError {
  return new StoreError('damaged-file', 'the file is shorter than what was written to it')
}
