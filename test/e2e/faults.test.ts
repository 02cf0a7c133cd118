// An upstream that breaks in the middle of a layer, and clients that want pieces of a layer that is
// still arriving: one response, right to the byte, and no more upstream requests than needed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ColdBlob, MIB } from '../support/cold-blob.ts'
import { parseByteRanges } from '../support/multipart.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { awaitedLater, waitUntil } from '../support/wait-until.ts'

const SIZE = 20 * MIB
const CUT = 0.6 * SIZE

const BREAKS: Readonly<Record<string, Reply>> = {
  'cut by FIN': { cut: { after: CUT, by: 'fin' } },
  'cut by RST': { cut: { after: CUT, by: 'rst' } },
  stalling: { stall: { after: CUT } },
}

for (const [name, firstReply] of Object.entries(BREAKS)) {
  test(`an upstream ${name} at 60 % is continued unseen`, { timeout: 60_000 }, async () => {
    const args = ['--upstream-idle-timeout', '2s']
    await using cold = await ColdBlob.start({ mebibytes: SIZE / MIB, firstReply, args })

    const response = await cold.request()
    assert.equal(response.headers.get('content-length'), String(SIZE))
    const taken = await response.take({ expect: cold.content })

    assert.equal(response.status, 200)
    assert.deepEqual([taken.bytes, taken.ending], [SIZE, 'complete'])
    const ranges = cold.upstreamGets().map((request) => request.range)
    assert.equal(ranges.length, 2, `upstream was asked for ${ranges.join(' and ')}`)
    const from = Number(/^bytes=(\d+)-\d*$/.exec(ranges[1] ?? '')?.[1])
    // What an RST overtook on the way is lost, and what had been received but not read when the
    // connection ended: the continuation may start earlier, and costs at most so much twice.
    const twiceMax = name === 'cut by RST' ? CUT - 1 : MIB
    assert.ok(from <= CUT && from >= CUT - twiceMax, `continued from ${from}`)
  })
}

test('ranges of a layer that is still arriving', { timeout: 60_000 }, async () => {
  const arrived = 0.3 * SIZE
  const firstReply = { stall: { after: arrived } }
  await using cold = await ColdBlob.start({ mebibytes: SIZE / MIB, firstReply })
  const { bytes } = cold.content

  const expectRange = async (range: string, start: number, end: number) => {
    const response = await cold.request({ range: `bytes=${range}` })
    assert.equal(response.status, 206, range)
    assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${SIZE}`)
    assert.equal(response.headers.get('content-length'), String(end - start))
    const taken = await response.take({ expect: { bytes, offset: start } })
    assert.deepEqual([taken.bytes, taken.ending], [end - start, 'complete'], range)
  }
  const expectRanges = async (pieces: readonly (readonly [number, number])[]) => {
    const range = pieces.map(([start, end]) => `${start}-${end - 1}`).join(',')
    const response = await cold.request({ range: `bytes=${range}` })
    assert.equal(response.status, 206)
    const body = await response.body()
    assert.equal(response.ending, 'complete')
    assert.equal(response.headers.get('content-length'), String(body.length))
    const parts = parseByteRanges(response.headers.get('content-type') ?? '', body)
    assert.equal(parts.length, pieces.length)
    for (const [n, [start, end]] of pieces.entries()) {
      assert.equal(parts[n]?.contentRange, `bytes ${start}-${end - 1}/${SIZE}`)
      assert.ok(parts[n].bytes.equals(bytes.subarray(start, end)), `part ${n}`)
    }
  }

  const whole = await cold.request()
  let received = 0
  const wholeTaken = awaitedLater(
    whole.take({ expect: cold.content, onChunk: (_, soFar) => (received = soFar) }),
  )
  await waitUntil(() => received >= arrived - MIB, { what: '30 % of the blob at the client' })

  // Answered while the upstream stands still: what is there needs nothing more.
  await expectRange('100-199', 100, 200)
  await expectRange(`${2 * MIB}-${3 * MIB - 1}`, 2 * MIB, 3 * MIB)
  await expectRanges([
    [0, 100],
    [MIB, MIB + 5000],
  ])
  const afar = await cold.request({ range: `bytes=${SIZE}-` })
  assert.equal(afar.status, 416)
  assert.equal(afar.headers.get('content-range'), `bytes */${SIZE}`)
  afar.leave()

  // These wait for what is still to come, all at once.
  const piece = SIZE / 16
  const waiting = awaitedLater(
    Promise.all([
      expectRange(`${arrived - 500}-${arrived + 499}`, arrived - 500, arrived + 500),
      expectRange(`${arrived + MIB}-`, arrived + MIB, SIZE),
      expectRange('5-', 5, SIZE),
      expectRange('-1000', SIZE - 1000, SIZE),
      expectRange(`${SIZE - 10}-${SIZE + 10}`, SIZE - 10, SIZE),
      expectRanges([
        [0, 10],
        [arrived + 10, arrived + 20],
        [SIZE - 10, SIZE],
      ]),
      ...Array.from({ length: 16 }, (_, n) => {
        const [start, end] = [n * piece, (n + 1) * piece]
        return expectRange(`${start}-${end - 1}`, start, end)
      }),
    ]),
  )
  assert.equal(cold.upstreamGets().length, 1, 'no range made a request of its own')
  cold.upstream.release()
  await waiting

  const taken = await wholeTaken
  assert.deepEqual([taken.bytes, taken.ending], [SIZE, 'complete'])
  assert.equal(cold.upstreamGets().length, 1)
})
