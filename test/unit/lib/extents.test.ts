import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addExtent, extentBytes, extentEnd, gapAfter } from '../../../src/lib/extents.ts'
import type { Extent } from '../../../src/lib/extents.ts'

const of = (...pairs: [number, number][]): Extent[] => pairs.map(([start, end]) => ({ start, end }))

// [before, added, after]
const ADDED: [Extent[], [number, number], Extent[]][] = [
  [of(), [0, 5], of([0, 5])],
  [of([0, 5]), [5, 9], of([0, 9])],
  [of([5, 9]), [0, 5], of([0, 9])],
  [of([0, 5]), [6, 9], of([0, 5], [6, 9])],
  [of([6, 9]), [0, 5], of([0, 5], [6, 9])],
  [of([0, 5], [6, 9]), [5, 6], of([0, 9])],
  [of([0, 5], [10, 15], [20, 25]), [3, 22], of([0, 25])],
  [of([0, 9]), [2, 4], of([0, 9])],
  [of([2, 4]), [0, 9], of([0, 9])],
  [of([0, 9]), [4, 4], of([0, 9])],
]

for (const [before, [start, end], after] of ADDED) {
  test(`${JSON.stringify(before)} and ${start} to ${end}`, () => {
    const kept = structuredClone(before)
    assert.deepEqual(addExtent(before, { start, end }), after)
    assert.deepEqual(before, kept)
  })
}

const SOME = of([10, 20], [30, 40])

for (const [position, end, gap] of [
  [0, 0, [0, 10]],
  [9, 9, [9, 10]],
  [10, 20, [20, 30]],
  [19, 20, [20, 30]],
  [20, 20, [20, 30]],
  [35, 40, [40, undefined]],
  [99, 99, [99, undefined]],
] as const) {
  test(`from ${position} on, bytes are there up to ${end}, and missing from ${gap[0]}`, () => {
    assert.equal(extentEnd(SOME, position), end)
    assert.deepEqual(gapAfter(SOME, position), { start: gap[0], end: gap[1] })
  })
}

test('the bytes that are there', () => assert.equal(extentBytes(SOME), 20))
