import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ending } from '../../../src/warm/ending.ts'

function running(): Ending {
  const { signal } = new AbortController()
  return new Ending(signal, undefined, () => Promise.resolve(), Date.now)
}

test('only images without room one after the other end a run', () => {
  const ending = running()
  for (let n = 0; n < 4; n += 1) ending.foundNoRoom('more room')
  ending.foundRoom()
  for (let n = 0; n < 4; n += 1) ending.foundNoRoom('more room')
  assert.equal(ending.by, undefined)
  ending.foundNoRoom('more room')
  assert.deepEqual([ending.by, ending.remedy], ['room', 'more room'])
  assert.equal(ending.signal.aborted, true)
})

test('that somebody stops it counts, whatever ended it before', () => {
  const ending = running()
  ending.end('disk', 'the disk is full')
  ending.end('until', 'its time was up')
  assert.equal(ending.by, 'disk')
  ending.end('stopped', 'it was interrupted')
  assert.equal(ending.because, 'it was interrupted')
})
