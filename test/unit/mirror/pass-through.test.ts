import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from '../../../src/mirror/pace.ts'
import { PassThrough } from '../../../src/mirror/pass-through.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { startHasher } from '../../../src/store/hasher.ts'
import type { Hasher, RunningHash } from '../../../src/store/hasher.ts'
import type { OpenedBlob } from '../../../src/upstream/upstream.ts'
import { sha256 } from '../../support/content.ts'

const CHUNK = new Uint8Array(100_000)
const CHUNKS = 20

function opened(): OpenedBlob {
  async function* body(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < CHUNKS; n += 1) yield CHUNK
  }
  return {
    start: 0,
    isPart: false,
    totalBytes: CHUNKS * CHUNK.byteLength,
    body: body(),
    abort: () => {},
    distrust: () => false,
    isAnonymous: true,
    isOrigin: true,
  }
}

// Which hashes have begun and not ended yet.
function watched(hasher: Hasher, running: Set<RunningHash>): Hasher {
  return {
    ...hasher,
    begin(algorithm, file) {
      const hash = hasher.begin(algorithm, file)
      running.add(hash)
      return {
        ...hash,
        drop: () => {
          running.delete(hash)
          hash.drop()
        },
      }
    },
  }
}

test('readers that leave a passed blob leave no hash running', async () => {
  const real = startHasher(1)
  const running = new Set<RunningHash>()
  const hasher = watched(real, running)
  try {
    const readers = Array.from({ length: 50 }, async () => {
      const passing = new PassThrough({
        digest: sha256('another') as Digest,
        sizeBytes: CHUNKS * CHUNK.byteLength,
        hasher,
        pace: new Pace(),
        open: () => Promise.resolve(opened()),
        passed: () => {},
      })
      const chunks = passing.bytes(0, CHUNKS * CHUNK.byteLength, 'unread')[Symbol.asyncIterator]()
      await chunks.next()
      await chunks.next()
      // As a sender does whose client goes while it takes a chunk.
      return passing
    })
    const left = await Promise.all(readers)
    assert.equal(running.size, 50)
    for (const passing of left) passing.close()
    assert.equal(running.size, 0)
  } finally {
    await real.close()
  }
})
