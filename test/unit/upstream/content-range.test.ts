import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bodyExtent, parseContentRange, rangeHeader } from '../../../src/upstream/content-range.ts'
import type { BodyExtent, ByteRange, ExtentHeaders } from '../../../src/upstream/content-range.ts'

test('a range header, closed and open', () => {
  assert.equal(rangeHeader({ start: 5, end: 9 }), 'bytes=5-9')
  assert.equal(rangeHeader({ start: 5 }), 'bytes=5-')
})

for (const text of [
  undefined,
  '',
  'bytes 5-9',
  'bytes 9-5/10',
  'bytes 5-10/10',
  'items 5-9/10',
  'bytes */10',
]) {
  test(`no Content-Range in ${text}`, () => assert.equal(parseContentRange(text), undefined))
}

// [asked, status, content-range, content-length, encoded, extent or the words of the refusal]
const WHOLE = { status: 200, contentRange: undefined, contentLength: 10, encoded: false }
const PART = { status: 206, contentRange: 'bytes 5-9/10', contentLength: 5, encoded: false }
const FIVE = { start: 5, bodyBytes: 5, totalBytes: 10 }

const EXTENTS: [ByteRange | undefined, ExtentHeaders, BodyExtent | RegExp][] = [
  [undefined, WHOLE, { start: 0, bodyBytes: 10, totalBytes: 10 }],
  [undefined, { ...WHOLE, encoded: true }, { start: 0, bodyBytes: 10, totalBytes: undefined }],
  [
    undefined,
    { ...WHOLE, contentLength: undefined },
    { start: 0, bodyBytes: undefined, totalBytes: undefined },
  ],
  [{ start: 5 }, WHOLE, { start: 0, bodyBytes: 10, totalBytes: 10 }],
  [{ start: 5 }, { ...WHOLE, encoded: true }, /encoded/],
  [undefined, PART, /nobody asked/],
  [{ start: 5 }, PART, FIVE],
  [{ start: 5, end: 9 }, PART, FIVE],
  [{ start: 5, end: 99 }, PART, FIVE],
  [{ start: 5 }, { ...PART, contentLength: undefined }, FIVE],
  [{ start: 5 }, { ...PART, contentRange: 'bytes 5-9/*' }, { ...FIVE, totalBytes: undefined }],
  [{ start: 5, end: 8 }, PART, /another part/],
  [{ start: 4 }, PART, /another part/],
  [{ start: 5 }, { ...PART, contentRange: undefined }, /without a readable/],
  [{ start: 5 }, { ...PART, contentLength: 6 }, /Content-Length of 6/],
  [{ start: 5 }, { ...PART, encoded: true }, /encoded/],
]

for (const [asked, headers, wanted] of EXTENTS) {
  test(`${JSON.stringify(asked)} answered with ${JSON.stringify(headers)}`, () => {
    const extent = bodyExtent(asked, headers)
    if (wanted instanceof RegExp) assert.match(typeof extent === 'string' ? extent : '', wanted)
    else assert.deepEqual(extent, wanted)
  })
}
