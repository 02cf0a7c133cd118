import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../../../src/lib/secret.ts'
import { contentCodings } from '../../../src/upstream/encoding.ts'
import { oneLine, parseRefusal } from '../../../src/upstream/refusal.ts'

// [body, type, is the errors document, quoted]
const REFUSALS: [string, string | undefined, boolean, string | undefined][] = [
  ['{"errors":[{"code":"DENIED","message":"no"}]}', 'application/json', true, 'no'],
  ['{"errors":[{"code":"DENIED"}]}', 'application/json', true, 'DENIED'],
  ['{"errors":[]}', 'text/plain', true, undefined],
  ['{"details":"incorrect login"}', 'application/json', false, 'incorrect login'],
  ['{"error":"invalid_grant","error_description":"gone"}', undefined, false, 'gone'],
  ['429 Too Many Requests', 'text/plain; charset=utf-8', false, '429 Too Many Requests'],
  ['429 Too Many Requests', undefined, false, undefined],
  ['<Error><Key>secret</Key></Error>', 'application/xml', false, undefined],
  ['<html>secret', 'text/plain', false, undefined],
  ['<html>', 'text/html', false, undefined],
  ['', undefined, false, undefined],
  ['[1]', 'application/json', false, undefined],
]

for (const [body, contentType, hasErrors, text] of REFUSALS) {
  test(`refusal ${body} as ${contentType}`, () => {
    assert.deepEqual(parseRefusal(body, contentType, []), { hasErrors, text })
  })
}

for (const before of [180, 190, 199]) {
  test(`a secret ${before} characters into a refusal leaves nothing where that is cut`, () => {
    const body = JSON.stringify({ message: `${'x'.repeat(before - 1)} the-secret-of-last-year` })
    const { text } = parseRefusal(body, 'application/json', [new Secret('the-secret-of-last-year')])
    assert.match(text ?? '', /^x+ \*{1,3}(\.\.\.)?$/)
  })
}

const LINES: [string, string | undefined][] = [
  [' a\r\n\tb\u0000c\u2028d ', 'a b c d'],
  ['see "https://h.test/p?sig=1&x=2" now', 'see "https://h.test/p" now'],
  ['Authorization: Bearer eyJhbGciOi.abc-_=', 'Authorization: Bearer ***'],
  ['x'.repeat(300), `${'x'.repeat(200)}...`],
  ['\n', undefined],
]

for (const [text, line] of LINES) {
  test(`one line of ${JSON.stringify(text).slice(0, 40)}`, () => assert.equal(oneLine(text), line))
}

const CODINGS: [string | undefined, string[] | undefined][] = [
  [undefined, []],
  ['identity', []],
  ['', []],
  ['aws-chunked', []],
  ['GZIP', ['gzip']],
  ['gzip, br', ['gzip', 'br']],
  ['snappy', undefined],
  ['constructor', undefined],
]

for (const [header, codings] of CODINGS) {
  test(`Content-Encoding ${header}`, () => assert.deepEqual(contentCodings(header), codings))
}
