import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { BlobStoring } from '../../../src/mirror/blob-storing.ts'
import type { BlobStoringOptions, BlobStoringParts } from '../../../src/mirror/blob-storing.ts'
import type { LookedAt } from '../../../src/mirror/warm-port.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { Repository } from '../../../src/oci/name.ts'
import { sha256 } from '../../support/content.ts'

const REDIS = { registry: 'docker.io', name: 'library/redis' } as Repository
const VALKEY = { registry: 'docker.io', name: 'valkey/valkey' } as Repository
const [shared, gone, closed] = ['shared', 'gone', 'closed'].map((seed) => ({
  digest: sha256(Buffer.from(seed)) as Digest,
  mediaType: 'application/octet-stream',
  platform: undefined,
  sizeBytes: 1,
}))

// Counts what is asked of the disk and of the index; one file is gone, one blob is served nowhere.
function counting() {
  const asked = { files: 0, rows: 0 }
  const options = {
    index: { findContent: async () => ({ asked: (asked.rows += 1) }) },
    shared: { mayServe: async (digest: Digest) => digest !== closed?.digest },
    offline: false,
  }
  const stored = {
    isRight: async (digest: Digest) => {
      asked.files += 1
      return digest !== gone?.digest
    },
  }
  const parts = { stored } as unknown as BlobStoringParts
  return { asked, storing: new BlobStoring(options as unknown as BlobStoringOptions, parts) }
}

suite('what is missing of many images', () => {
  test('is asked once of each file, and once of each blob of a repository', async () => {
    assert.ok(shared && gone && closed)
    const { asked, storing } = counting()
    const looked: LookedAt = new Map()
    const all = [shared, gone, closed]
    const look = (repository: Repository) => storing.missing(repository, all, looked)
    const images = await Promise.all([look(REDIS), look(REDIS), look(VALKEY)])
    for (const missing of [...images, await look(REDIS)]) {
      assert.deepEqual(missing, [gone, closed])
    }
    assert.deepEqual(asked, { files: 3, rows: 6 })
  })

  test('is asked anew by the next look, which may find what came meanwhile', async () => {
    assert.ok(shared && gone && closed)
    const { asked, storing } = counting()
    await storing.missing(REDIS, [shared])
    await storing.missing(REDIS, [shared])
    assert.deepEqual(asked, { files: 2, rows: 2 })
  })
})
