import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RoomReport } from '../../../src/care/room.ts'
import { sizeLimit } from '../../../src/cli/size-limit.ts'

const GIB = 2 ** 30

function said(maxGiB: number | undefined, minFreeGiB: number, leftGiB: number, capacityGiB = 9) {
  return sizeLimit({
    limits: {
      maxBytes: maxGiB === undefined ? undefined : maxGiB * GIB,
      minFreeBytes: minFreeGiB * GIB,
    },
    taken: { freeBytes: 69 * GIB, blobBytes: 0 } as RoomReport['taken'],
    leftBytes: leftGiB * GIB,
    capacityBytes: capacityGiB * GIB,
  })
}

test('serve says what it may store, what is left of it, and loudly when that is nothing', () => {
  assert.equal(said(200, 5, 187), '200 GiB; 187 GiB left; 5 GiB of the disk stay free')
  const none = 'NONE: set one with --max-size; the cache may fill the disk up to'
  assert.equal(said(undefined, 0, 40), `${none} the last byte; 40 GiB left`)
  assert.equal(said(undefined, 5, 64), `${none} its last 5 GiB (--min-free); 64 GiB left`)
  assert.match(said(10, 0, -2), /2 GiB too much is stored and is being removed/)
  assert.equal(
    said(undefined, 500, -431, -431),
    'NOTHING IS STORED: --min-free 500GiB is more than the 69 GiB that are free; ' +
      'every pull is passed through',
  )
  assert.match(
    said(10, 5, -2, -1),
    /^NOTHING IS STORED: --max-size 10GiB leaves no room beside the index and what is pinned; /,
  )
})
