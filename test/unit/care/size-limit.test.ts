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
    taken: {} as RoomReport['taken'],
    leftBytes: leftGiB * GIB,
    capacityBytes: capacityGiB * GIB,
  })
}

test('serve says what it may store, what is left of it, and loudly when that is nothing', () => {
  assert.equal(said(200, 5, 187), '200 GiB; 187 GiB left; 5 GiB of the disk stay free')
  assert.match(
    said(undefined, 0, 40),
    /^NONE: the cache may fill the disk to the last byte; 40 GiB/,
  )
  assert.match(said(undefined, 5, 40), /^NONE: .*40 GiB left; 5 GiB of the disk stay free$/)
  assert.match(said(10, 0, -2), /2 GiB too much is stored and is being removed/)
  assert.match(
    said(10, 5, -2, -1),
    /^NOTHING IS STORED: 10 GiB leaves no room, as 5 GiB of the disk/,
  )
})
