// One bound over all downloads: it is exceeded by their shares at most, and every one of them gets on.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { received, SharedBound } from '../../src/lib/received-bytes.ts'
import { GapWriter } from '../../src/mirror/gap-writer.ts'
import type { StagedBlob } from '../../src/store/blob-store.ts'
import { campaign, seed } from '../support/seed.ts'

const CHUNK_BYTES = 16
const SHARE_BYTES = 32
const OWN_BYTES_MAX = 200
const ALL_BYTES_MAX = 500

const steps = fc.array(
  fc.record({ who: fc.nat(30), what: fc.constantFrom('add', 'add', 'add', 'remove', 'end') }),
  { maxLength: 400 },
)

test('however many hold bytes, all of it stays bounded, and each may hold its share', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const bound = new SharedBound(ALL_BYTES_MAX, SHARE_BYTES)
      const holdings = Array.from({ length: 31 }, () => bound.holding())
      const own = holdings.map(() => 0)
      for (const { who, what } of taken) {
        const holding = holdings[who]!
        const before = own[who]!
        assert.ok(
          before >= SHARE_BYTES || !holding.isFull(OWN_BYTES_MAX),
          'less than a share is never too much',
        )
        assert.ok(before < OWN_BYTES_MAX || holding.isFull(OWN_BYTES_MAX))
        if (what === 'add' && !holding.isFull(OWN_BYTES_MAX)) {
          holding.add(CHUNK_BYTES)
          own[who] = before + CHUNK_BYTES
        } else if (what === 'remove' && before > 0) {
          holding.remove(CHUNK_BYTES)
          own[who] = before - CHUNK_BYTES
        } else if (what === 'end') {
          holding.end()
          own[who] = 0
        }
        const all = own.reduce((sum, bytes) => sum + bytes, 0)
        assert.equal(bound.heldBytes, all)
        assert.ok(all <= ALL_BYTES_MAX + holdings.length * (SHARE_BYTES + CHUNK_BYTES))
      }
      for (const holding of holdings) holding.end()
      assert.equal(bound.heldBytes, 0)
    }),
    { seed, numRuns: campaign(200) },
  )
})

const chunk = new Uint8Array(64 * 1024)

function stagedBy(write: () => Promise<void>): StagedBlob {
  return { write } as unknown as StagedBlob
}

test('what could not be written is held no more', async () => {
  const failed = new Error('the disk is full')
  const writer = new GapWriter(
    stagedBy(() => Promise.reject(failed)),
    0,
    () => undefined,
  )
  await writer.add(chunk)
  await assert.rejects(writer.flushed(), failed)
  await assert.rejects(writer.add(chunk), failed)
  assert.equal(received.heldBytes, 0)
})

test('of many downloads that arrive faster than the disk writes, every one is written whole', async () => {
  let writtenBytes = 0
  let mostBytes = 0
  const write = async (): Promise<void> => {
    mostBytes = Math.max(mostBytes, received.heldBytes)
    await new Promise(setImmediate)
  }
  const download = async (): Promise<void> => {
    const writer = new GapWriter(stagedBy(write), 0, (from, to) => {
      writtenBytes += to - from
      return undefined
    })
    for (let n = 0; n < 16; n++) await writer.add(chunk)
    await writer.flushed()
  }
  await Promise.all(Array.from({ length: 100 }, download))
  assert.equal(writtenBytes, 100 * 16 * chunk.length)
  assert.equal(received.heldBytes, 0)
  // 384 KiB each would be 37.5 MiB.
  assert.ok(mostBytes <= 4 * 2 ** 20 + 100 * 2 * chunk.length, `${mostBytes} bytes were held`)
})
