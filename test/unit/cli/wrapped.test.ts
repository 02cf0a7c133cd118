// Sentences on a terminal: broken between words, so that they can be read at any width.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wrapped } from '../../../src/cli/wrapped.ts'
import { campaign, seed } from '../../support/seed.ts'

const WIDE = 'failed  quay.io/a/b:1: it does not exist; check the name'

test('a sentence is broken between words, below its beginning where there is room', () => {
  assert.equal(
    wrapped(WIDE, 40, 8),
    'failed  quay.io/a/b:1: it does not\n        exist; check the name',
  )
  assert.equal(wrapped(WIDE, 20, 8), 'failed\nquay.io/a/b:1: it\ndoes not exist;\ncheck the name')
})

test('a line that is exactly as long as the terminal is wide is full', () => {
  assert.equal(wrapped('0123456789 abc', 10), '0123456789\nabc')
})

test('a word that is too long for a line begins where it stands', () => {
  assert.equal(wrapped('a 0123456789abcdef bc d', 10), 'a 0123456789abcdef\nbc d')
})

test('no word is lost or broken, and no line is longer than it must be', () => {
  const word = fc.stringMatching(/^[a-z]{1,20}$/)
  fc.assert(
    fc.property(fc.array(word), fc.integer({ min: 20, max: 60 }), (words, columns) => {
      const text = wrapped(words.join(' '), columns, 8)
      assert.deepEqual(
        text.split(/\s+/).filter((each) => each !== ''),
        words,
      )
      assert.ok(text.split('\n').every((line) => line.length <= columns))
    }),
    { seed, numRuns: campaign(100) },
  )
})
