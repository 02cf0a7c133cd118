import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes } from '../../src/lib/units.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { parseByteRanges } from '../support/multipart.ts'
import { status } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { publishedDigests, stagedNames } from '../support/store-invariants.ts'
import { Setting } from '../support/test-mirror.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('broken', 4 * MIB + 9))
const PATH = `/v2/app/blobs/${blob.digest}`
const WHOLE = { expect: { bytes: blob.bytes } }
const AT = Math.floor(blob.size * 0.6)

async function withFirst(...replies: Reply[]): Promise<Setting> {
  const upstream = { connectTimeoutMs: 2000, headerTimeoutMs: 2000, idleTimeoutMs: 1000 }
  const setting = await Setting.start({ upstream })
  setting.upstream.addBlob('library/app', blob)
  for (const reply of replies) setting.upstream.script({ method: 'GET', times: 1, reply })
  return setting
}

const BREAKS: [string, Reply][] = [
  ['by FIN', { cut: { after: AT, by: 'fin' } }],
  ['by RST', { cut: { after: AT, by: 'rst' } }],
  ['by silence', { stall: { after: AT } }],
]

for (const [how, reply] of BREAKS) {
  test(`a download broken at 60 % ${how} is continued once by Range, unseen by the client`, async () => {
    await using setting = await withFirst(reply)
    await using response = await setting.mirror.open(PATH)
    const taken = await response.take(WHOLE)
    assert.deepEqual([taken.bytes, taken.ending], [blob.size, 'complete'])
    const [first, second = '', ...others] = setting.asked()
    assert.equal(first, `GET library/app/blobs/${blob.digest}`)
    assert.match(second, new RegExp(` bytes=[1-9]\\d*-${blob.size - 1}$`))
    // What the cut left in the kernel may be lost, not more.
    assert.ok(Number(/bytes=(\d+)/.exec(second)?.[1]) <= AT)
    assert.deepEqual(others, [])
    await setting.mirror.published(blob.digest)
    assert.deepEqual(publishedDigests(setting.mirror.folder), [blob.digest])
  })
}

test('a download broken several times is continued each time', async () => {
  const cut = { after: MIB, by: 'fin' } as const
  await using setting = await withFirst({ cut }, { cut }, { cut })
  await using response = await setting.mirror.open(PATH)
  assert.equal((await response.take(WHOLE)).ending, 'complete')
  assert.equal(setting.asked().length, 4)
})

test('an upstream that ignores the Range of the continuation is read from its start', async () => {
  await using setting = await withFirst({ cut: { after: AT, by: 'fin' } }, { ignoreRange: true })
  await using response = await setting.mirror.open(PATH)
  const taken = await response.take(WHOLE)
  assert.deepEqual([taken.bytes, taken.ending], [blob.size, 'complete'])
  assert.equal(setting.asked().length, 2)
})

test('a download that cannot be continued ends by FIN, and the next one goes on from there', async () => {
  await using setting = await withFirst({ cut: { after: AT, by: 'fin' } }, status(403))
  const { mirror } = setting
  await using response = await mirror.open(PATH)
  const taken = await response.take(WHOLE)
  assert.equal(taken.ending, 'fin')
  assert.ok(taken.bytes < blob.size)
  await mirror.logged(/could not be fetched/)
  assert.deepEqual(publishedDigests(mirror.folder), [])
  assert.equal(stagedNames(mirror.folder).length, 2)
  setting.asked()

  await using again = await mirror.open(PATH)
  assert.equal((await again.take(WHOLE)).ending, 'complete')
  const [resumed, ...others] = setting.asked()
  assert.match(resumed ?? '', / bytes=[1-9]\d*-/)
  assert.deepEqual(others, [])
  await mirror.stop()
  const kept = formatBytes(Number(/bytes=(\d+)/.exec(resumed ?? '')?.[1]))
  const told = mirror.lines.findLast(({ message }) => message.startsWith('pulled '))?.message ?? ''
  assert.match(told, new RegExp(` ${kept} cached, .* from upstream, `))
})

test('a blob that upstream has lost since is broken off once, and then is 404', async () => {
  await using setting = await withFirst({ cut: { after: AT, by: 'fin' } }, status(404), status(404))
  const { mirror } = setting
  await using response = await mirror.open(PATH)
  assert.equal((await response.take(WHOLE)).ending, 'fin')
  assert.equal((await mirror.get(PATH)).status, 404)
  assert.deepEqual(stagedNames(mirror.folder), [])
})

test('every kind of range is answered while upstream holds back the rest', async () => {
  const there = Math.floor(blob.size * 0.3)
  await using setting = await withFirst()
  await setting.mirror.restart({
    upstream: { connectTimeoutMs: 2000, headerTimeoutMs: 20_000, idleTimeoutMs: 20_000 },
  })
  const { mirror, upstream } = setting
  upstream.script({ method: 'GET', times: 1, reply: { stall: { after: there } } })
  await using whole = await mirror.open(PATH)
  await whole.read()

  // Within what is there: whole before upstream goes on.
  const closed = await mirror.get(PATH, { range: 'bytes=100-199999' })
  assert.equal(closed.status, 206)
  assert.ok(closed.body.equals(blob.bytes.subarray(100, 200_000)))
  const several = await mirror.get(PATH, { range: 'bytes=5-9,1000-1999' })
  const parts = parseByteRanges(several.headers.get('content-type') ?? '', several.body)
  assert.ok(parts[0]?.bytes.equals(blob.bytes.subarray(5, 10)))
  assert.ok(parts[1]?.bytes.equals(blob.bytes.subarray(1000, 2000)))
  const beyond = await mirror.get(PATH, { range: `bytes=${blob.size}-` })
  assert.equal(beyond.status, 416)

  // Beyond it: the head at once, the bytes when they come.
  const ranges = ['bytes=1000-', `bytes=${there + MIB}-`, 'bytes=-5', `bytes=0-0,${there + 9}-`]
  const waiting = await Promise.all(
    ranges.map((range) => mirror.open(PATH, { headers: { range } })),
  )
  for (const response of waiting) assert.equal(response.status, 206)
  upstream.release()
  const [open, far, suffix, both] = await Promise.all(waiting.map((response) => response.body()))
  assert.ok(open?.equals(blob.bytes.subarray(1000)))
  assert.ok(far?.equals(blob.bytes.subarray(there + MIB)))
  assert.ok(suffix?.equals(blob.bytes.subarray(-5)))
  const [, second] = parseByteRanges(waiting[3]?.headers.get('content-type') ?? '', both as Buffer)
  assert.ok(second?.bytes.equals(blob.bytes.subarray(there + 9)))
  assert.equal((await whole.take()).ending, 'complete')
  assert.equal(setting.asked().length, 1)
})

test('sixteen parallel ranges of a cold blob are one download', async () => {
  await using setting = await withFirst({ holdHeaders: true })
  const { mirror } = setting
  const piece = Math.ceil(blob.size / 16)
  const pulls = Array.from({ length: 16 }, async (_, n) => {
    const end = Math.min(blob.size, (n + 1) * piece)
    const answer = await mirror.get(PATH, { range: `bytes=${n * piece}-${end - 1}` })
    assert.equal(answer.status, 206)
    assert.ok(answer.body.equals(blob.bytes.subarray(n * piece, end)))
  })
  await setting.mirrorRuns(16)
  await setting.upstreamAsked(1)
  setting.upstream.release()
  await Promise.all(pulls)
  assert.equal(setting.asked().length, 1)
})
