import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  capacityBytes,
  defaultMinFree,
  downloadBytes,
  excessBytes,
  overSize,
  pinnableOf,
  underFree,
} from '../../../src/care/budget.ts'
import type { Taken } from '../../../src/care/budget.ts'

const MIB = 2 ** 20
const GIB = 2 ** 30

const NOTHING: Taken = {
  blobs: 0,
  blobBytes: 0,
  indexBytes: 0,
  parkedBytes: 0,
  quarantinedBytes: 0,
  leavingBytes: 0,
  reservedBytes: 0,
  unwrittenBytes: 0,
  freeBytes: undefined,
}

const limited = { maxBytes: 100 * MIB, minFreeBytes: 0 }

test('a tenth of a small disk and 5 GiB of a large one stay free where nothing is said', () => {
  assert.equal(defaultMinFree(1000), 100)
  assert.equal(defaultMinFree(50 * GIB), 5 * GIB)
  assert.equal(defaultMinFree(4000 * GIB), 5 * GIB)
  assert.equal(defaultMinFree(0), 0)
})

test('everything in the store counts against its size, each byte once', () => {
  const empty = overSize(limited, NOTHING)
  for (const name of [
    'blobBytes',
    'indexBytes',
    'parkedBytes',
    'quarantinedBytes',
    'leavingBytes',
    'reservedBytes',
  ] as const) {
    assert.equal(overSize(limited, { ...NOTHING, [name]: 7 * MIB }) - empty, 7 * MIB, name)
  }
  assert.ok(overSize(limited, { ...NOTHING, blobs: 1000 }) > empty)
  assert.ok(empty > -limited.maxBytes, 'the index may grow before anybody looks')
})

test('what is promised but not written yet is no longer free', () => {
  const limits = { maxBytes: undefined, minFreeBytes: 10 * MIB }
  const taken = { ...NOTHING, freeBytes: 30 * MIB, reservedBytes: 25 * MIB }
  assert.equal(underFree(limits, { ...taken, unwrittenBytes: 25 * MIB }), 5 * MIB)
  assert.equal(underFree(limits, { ...taken, unwrittenBytes: 5 * MIB }), -15 * MIB)
})

test('the stricter limit counts, and none is none', () => {
  const taken = { ...NOTHING, freeBytes: 30 * MIB }
  assert.equal(excessBytes({ maxBytes: 100 * MIB, minFreeBytes: 28 * MIB }, taken, MIB), -MIB)
  assert.ok(excessBytes({ maxBytes: 20 * MIB, minFreeBytes: 0 }, taken, 25 * MIB) > 0)
  assert.equal(excessBytes({ maxBytes: undefined, minFreeBytes: 5 }, NOTHING, GIB), -Infinity)
})

test('what can never fit is known before anything is evicted for it', () => {
  const full = { ...NOTHING, blobs: 10, blobBytes: 90 * MIB, indexBytes: MIB }
  const capacity = capacityBytes(limited, full, 0)
  assert.ok(capacity < 99 * MIB && capacity > 90 * MIB)
  assert.equal(capacityBytes(limited, full, 40 * MIB), capacity - 40 * MIB)
  // A disk that others have filled: only what is evicted makes room.
  const small = { ...full, freeBytes: 2 * MIB }
  const limits = { maxBytes: undefined, minFreeBytes: 5 * MIB }
  assert.equal(capacityBytes(limits, small, 0), 87 * MIB)
  assert.ok(capacityBytes(limits, { ...NOTHING, freeBytes: MIB }, 0) < 0)
})

test('a download takes whole blocks, and its notes', () => {
  assert.equal(downloadBytes(1) - downloadBytes(0), 4096)
  assert.ok(downloadBytes(0) > 0)
})

test('lists may keep 80 % of what the store may take: of its size, or of what its disk allows', () => {
  const share = (maxBytes: number | undefined, taken: Partial<Taken>, minFreeBytes = 0) =>
    pinnableOf({ maxBytes, minFreeBytes }, { ...NOTHING, ...taken })
  assert.deepEqual(share(200 * GIB, {}), {
    maxBytes: 160 * GIB,
    share: '80 % of --max-size 200GiB',
    remedy: 'raise it, or shorten the lists',
  })
  const held = { blobBytes: 30 * GIB, freeBytes: 60 * GIB }
  assert.equal(share(20 * GIB, held)?.maxBytes, 16 * GIB)
  const ofDisk = {
    maxBytes: 64 * GIB,
    share: '80 % of the 80 GiB that its disk allows',
    remedy: 'give the store a larger disk, or shorten the lists',
  }
  assert.deepEqual(share(undefined, held, 10 * GIB), ofDisk)
  assert.deepEqual(share(500 * GIB, held, 10 * GIB), ofDisk)
  // What is promised and not written yet is free still.
  const filling = { reservedBytes: 5 * GIB, unwrittenBytes: 4 * GIB, freeBytes: 64 * GIB }
  assert.equal(share(undefined, { blobBytes: 25 * GIB, ...filling }, 10 * GIB)?.maxBytes, 64 * GIB)
  assert.equal(share(undefined, { freeBytes: 1 }, 10 * GIB)?.maxBytes, 0)
  assert.equal(share(undefined, {}), undefined, 'nothing tells')
})
