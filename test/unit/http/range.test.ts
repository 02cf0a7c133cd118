import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseRange } from '../../../src/http/range.ts'
import type { Ranges } from '../../../src/http/range.ts'

const closed = (start: number, end: number) => ({ start, end, isOpen: false })
const open = (start: number, end: number) => ({ start, end, isOpen: true })

// Against a blob of 100 bytes.
const RANGES: [string | undefined, Ranges][] = [
  [undefined, 'whole'],
  ['', 'whole'],
  ['bytes=0-9', [closed(0, 10)]],
  [' bytes=0-9 ', [closed(0, 10)]],
  ['BYTES=0-9', [closed(0, 10)]],
  ['bytes=0-', [open(0, 100)]],
  ['bytes=99-', [open(99, 100)]],
  ['bytes=-1', [closed(99, 100)]],
  ['bytes=-100', [closed(0, 100)]],
  ['bytes=-1000', [closed(0, 100)]],
  ['bytes=5-100', [closed(5, 100)]],
  ['bytes=5-999999999999999999999999', [closed(5, 100)]],
  ['bytes=0-0,50-59 , -1', [closed(0, 1), closed(50, 60), closed(99, 100)]],
  ['bytes=50-59,0-0', [closed(50, 60), closed(0, 1)]],
  ['bytes=0-0,200-300', [closed(0, 1)]],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=100-200', 'unsatisfiable'],
  ['bytes=200-,300-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  ['bytes=9-0', 'unsatisfiable'],
  ['bytes=', 'whole'],
  ['bytes=-', 'whole'],
  ['bytes=a-b', 'whole'],
  ['bytes=0-9,', 'whole'],
  ['bytes=1.5-2', 'whole'],
  ['bytes=--5', 'whole'],
  ['items=0-9', 'whole'],
  ['bytes=0-9;1-2', 'whole'],
]

for (const [header, ranges] of RANGES) {
  test(`${header} of 100 bytes`, () => assert.deepEqual(parseRange(header, 100), ranges))
}

test('nothing of an empty blob can be asked for', () => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
    assert.equal(parseRange(header, 0), 'unsatisfiable')
  }
})

test('more ranges than any client sends get the whole', () => {
  const header = `bytes=${Array.from({ length: 1001 }, () => '0-0').join(',')}`
  assert.equal(parseRange(header, 100), 'whole')
})
