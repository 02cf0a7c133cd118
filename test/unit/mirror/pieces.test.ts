import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextPiece, PIECE_SIZES, planPieces, unclaimedIn } from '../../../src/mirror/pieces.ts'

const MIB = 2 ** 20

for (const [missing, wanted, connections, pieces] of [
  [32, 4, 4, 4],
  [44, 4, 4, 4],
  [64.01, 4, 4, 8],
  [512, 4, 4, 32],
  [100 * 1024, 4, 4, 3200],
  [100 * 1024, 16, 16, 3200],
  [40, 16, 5, 5],
] as const) {
  test(`${missing} MiB over ${wanted} connections: ${pieces} equal pieces over ${connections}`, () => {
    const plan = planPieces(missing * MIB, wanted, PIECE_SIZES)
    assert.equal(plan.connections, connections)
    assert.equal(plan.pieceBytes, Math.ceil((missing * MIB) / pieces))
  })
}

test('pieces of the last turn are halves, unless those are not worth a request', () => {
  const of = (missing: number): number => planPieces(missing * MIB, 4, PIECE_SIZES).lastPieceBytes
  assert.deepEqual([of(448), of(512), of(2048)], [14 * MIB, 8 * MIB, 16 * MIB])
})

const NOTHING = { there: [], pieces: [], windows: [] }
const SIZES = { totalBytes: 95, pieceBytes: 10, lastPieceBytes: 5, connections: 2 }

test('the next piece is the first that nobody has or fetches, and ends where somebody does', () => {
  const there = [{ start: 0, end: 15 }]
  const pieces = [{ start: 15, end: 20 }]
  const windows = [{ start: 26, end: 30 }]
  assert.deepEqual(nextPiece({ ...NOTHING, ...SIZES }), { start: 0, end: 10 })
  assert.deepEqual(nextPiece({ there, pieces, windows, ...SIZES }), { start: 20, end: 26 })
})

test('no piece is far ahead of the oldest one, whoever has it, and the last is short', () => {
  const there = [{ start: 10, end: 40 }]
  const pieces = [{ start: 0, end: 10 }]
  assert.equal(nextPiece({ ...NOTHING, there, pieces, ...SIZES }), 'too-far')
  const nearly = [{ start: 0, end: 92 }]
  assert.deepEqual(nextPiece({ ...NOTHING, there: nearly, ...SIZES }), { start: 92, end: 95 })
  const all = [{ start: 0, end: 95 }]
  assert.equal(nextPiece({ ...NOTHING, there: all, ...SIZES }), undefined)
})

test('the last turn is the one in which every connection would have a whole piece or less', () => {
  const before = [{ start: 0, end: 74 }]
  assert.deepEqual(nextPiece({ ...NOTHING, there: before, ...SIZES }), { start: 74, end: 84 })
  const last = [{ start: 0, end: 75 }]
  assert.deepEqual(nextPiece({ ...NOTHING, there: last, ...SIZES }), { start: 75, end: 80 })
})

test('of a window, only what no piece brings is fetched on its own', () => {
  const pieces = [{ start: 20, end: 30 }]
  assert.deepEqual(unclaimedIn({ start: 15, end: 35 }, [], pieces), { start: 15, end: 20 })
  assert.deepEqual(unclaimedIn({ start: 25, end: 35 }, [], pieces), { start: 30, end: 35 })
  assert.equal(unclaimedIn({ start: 22, end: 30 }, [], pieces), undefined)
})
