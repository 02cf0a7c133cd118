import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesEtag, warning } from '../../../src/http/headers.ts'
import { digestOf } from '../../../src/oci/digest.ts'

const digest = digestOf(Buffer.from('x'))

for (const [header, matches] of [
  [undefined, false],
  ['', false],
  [`"${digest}"`, true],
  [digest, true],
  [`W/"${digest}"`, true],
  [`"a", "${digest}" , "b"`, true],
  ['*', true],
  ['"a"', false],
  [`"${digest}x"`, false],
  [digest.toUpperCase(), false],
] as const) {
  test(`If-None-Match: ${header} ${matches ? 'matches' : 'does not match'}`, () => {
    assert.equal(matchesEtag(header, digest), matches)
  })
}

test('a warning is always one well-formed and bounded header value', () => {
  for (const text of [
    'plain',
    'a "quoted" \\ word',
    'two\r\nlines',
    'Umläute €',
    'x'.repeat(9999),
  ]) {
    const value = warning(text)
    assert.match(value, /^299 - "[^"\\]*"$/)
    assert.match(value, /^[ -~]+$/)
    assert.ok(value.length <= 4096)
    assert.doesNotThrow(() => new Headers({ Warning: value }))
  }
})
