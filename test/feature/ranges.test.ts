import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { bytesContent, heldContent, seededContent } from '../support/content.ts'
import { parseByteRanges } from '../support/multipart.ts'
import { Setting, errorCode } from '../support/test-mirror.ts'

const SIZE = 1_000_003
const blob = heldContent(seededContent('ranges', SIZE))
const empty = bytesContent(Buffer.alloc(0))
const BLOB = `/v2/app/blobs/${blob.digest}`

let setting: Setting

before(async () => {
  setting = await Setting.start()
  setting.upstream.addBlob('library/app', blob)
  setting.upstream.addBlob('library/app', empty)
  assert.equal((await setting.mirror.get(BLOB)).status, 200)
  assert.equal((await setting.mirror.get(`/v2/app/blobs/${empty.digest}`)).status, 200)
  setting.asked()
})
after(async () => {
  // Everything here is a stored blob.
  assert.deepEqual(setting.asked(), [])
  await setting.close()
})

// [Range, first byte, end]
const ONE: [string, number, number][] = [
  ['bytes=0-0', 0, 1],
  ['bytes=10-19', 10, 20],
  ['bytes=0-', 0, SIZE],
  ['bytes=500-', 500, SIZE],
  [`bytes=${SIZE - 1}-`, SIZE - 1, SIZE],
  ['bytes=-5', SIZE - 5, SIZE],
  [`bytes=-${SIZE}`, 0, SIZE],
  [`bytes=-${SIZE + 100}`, 0, SIZE],
  [`bytes=100-${SIZE}`, 100, SIZE],
  [`bytes=100-${SIZE + 1000}`, 100, SIZE],
  ['bytes=262143-262144', 262_143, 262_145],
  ['Bytes=1-2', 1, 3],
]

for (const [range, start, end] of ONE) {
  test(`${range} is 206 with ${start} to ${end - 1}`, async () => {
    const answer = await setting.mirror.get(BLOB, { range })
    assert.equal(answer.status, 206)
    assert.equal(answer.headers.get('content-range'), `bytes ${start}-${end - 1}/${SIZE}`)
    assert.equal(answer.headers.get('content-length'), String(end - start))
    assert.equal(answer.headers.get('docker-content-digest'), blob.digest)
    assert.ok(answer.body.equals(blob.bytes.subarray(start, end)))
  })
}

for (const range of [`bytes=${SIZE}-`, `bytes=${SIZE}-${SIZE + 5}`, 'bytes=-0', 'bytes=500-0']) {
  test(`${range} is 416`, async () => {
    const answer = await setting.mirror.get(BLOB, { range })
    assert.equal(answer.status, 416)
    assert.equal(answer.headers.get('content-range'), `bytes */${SIZE}`)
    assert.equal(errorCode(answer), 'RANGE_INVALID')
  })
}

for (const range of ['items=0-5', 'bytes=a-b', 'bytes=', 'bytes=-', 'bytes 0-5', 'bytes=0-5,x']) {
  test(`"${range}" is not understood and therefore ignored`, async () => {
    const answer = await setting.mirror.get(BLOB, { range })
    assert.equal(answer.status, 200)
    assert.ok(answer.body.equals(blob.bytes))
  })
}

test('several ranges come as as many parts, in the order asked for, none merged', async () => {
  const windows = [
    [700_000, 700_099],
    [0, 9],
    [5, 14],
    [15, 15],
    [SIZE - 3, SIZE - 1],
  ] as const
  const range = `bytes=${windows.map(([first, last]) => `${first}-${last}`).join(', ')}`
  const answer = await setting.mirror.get(BLOB, { range })
  assert.equal(answer.status, 206)
  assert.equal(answer.ending, 'complete')
  assert.equal(answer.headers.get('content-length'), String(answer.body.length))
  const parts = parseByteRanges(answer.headers.get('content-type') ?? '', answer.body)
  assert.deepEqual(
    parts.map(({ contentRange }) => contentRange),
    windows.map(([first, last]) => `bytes ${first}-${last}/${SIZE}`),
  )
  for (const [index, [first, last]] of windows.entries()) {
    assert.ok(parts[index]?.bytes.equals(blob.bytes.subarray(first, last + 1)))
  }
})

test('of several ranges those outside fall away, and the last one left is no multipart', async () => {
  const answer = await setting.mirror.get(BLOB, { range: `bytes=${SIZE}-,3-4` })
  assert.equal(answer.status, 206)
  assert.equal(answer.headers.get('content-range'), `bytes 3-4/${SIZE}`)
})

test('If-Range with our ETag is honoured, with another the whole is the answer', async () => {
  const same = { range: 'bytes=1-2', 'if-range': `"${blob.digest}"` }
  assert.equal((await setting.mirror.get(BLOB, same)).status, 206)
  const other = { range: 'bytes=1-2', 'if-range': '"other"' }
  const whole = await setting.mirror.get(BLOB, other)
  assert.equal(whole.status, 200)
  assert.equal(whole.body.length, SIZE)
  const date = { range: 'bytes=1-2', 'if-range': 'Sat, 29 Oct 1994 19:43:31 GMT' }
  assert.equal((await setting.mirror.get(BLOB, date)).status, 200)
})

test('HEAD ignores Range', async () => {
  const answer = await setting.mirror.head(BLOB, { range: 'bytes=5-9' })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-length'), String(SIZE))
  assert.equal(answer.headers.get('content-range'), undefined)
  assert.equal(answer.headers.get('accept-ranges'), 'bytes')
})

test('an empty blob is 200 with a length of 0, and any range of it is 416', async () => {
  const path = `/v2/app/blobs/${empty.digest}`
  const answer = await setting.mirror.get(path)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-length'), '0')
  for (const range of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) {
    assert.equal((await setting.mirror.get(path, { range })).status, 416)
  }
})

test('Accept-Encoding changes nothing', async () => {
  const headers = { 'accept-encoding': 'zstd;q=1.0, gzip;q=0.8, deflate;q=0.5' }
  const answer = await setting.mirror.get(BLOB, headers)
  assert.equal(answer.headers.get('content-encoding'), undefined)
  assert.equal(answer.headers.get('transfer-encoding'), undefined)
  assert.ok(answer.body.equals(blob.bytes))
})
