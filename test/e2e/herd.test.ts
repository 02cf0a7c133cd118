// Twenty clients on one cold layer behind a slow link: one upstream download, followed by all, from
// wherever each of them came in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ColdBlob, MIB } from '../support/cold-blob.ts'
import { awaitedLater, waitUntil } from '../support/wait-until.ts'

const JOINERS = 19
const JOIN_EVERY = 0.04 // of the blob: the last one comes in at 76 %

test('a cold layer is downloaded once for all who join', { timeout: 120_000 }, async () => {
  await using cold = await ColdBlob.start({ mebibytes: 100, link: { bytesPerSecond: 20e6 } })
  const { content, link, size } = cold

  const pull = async (leaveAfter = Infinity) => {
    const sentBefore = link.delivered
    let sentAtFirstByte = NaN
    const response = await cold.request()
    const taken = await response.take({
      expect: content,
      leaveAfter,
      onChunk: (chunk, received) => {
        if (received === chunk.length) sentAtFirstByte = link.delivered
      },
    })
    const waited = (sentAtFirstByte - sentBefore) / (size - sentBefore)
    return { status: response.status, ...taken, waited }
  }

  const first = awaitedLater(pull(MIB))
  const joiners = []
  for (let n = 1; n <= JOINERS; n += 1) {
    await waitUntil(() => link.delivered >= n * JOIN_EVERY * size, {
      what: `the upstream has sent ${n * JOIN_EVERY} of the blob`,
      everyMs: 1,
    })
    joiners.push(awaitedLater(pull()))
  }

  const { status, ending, waited } = await first
  assert.deepEqual({ status, ending }, { status: 200, ending: 'left' })
  const all = await Promise.all(joiners)
  for (const [n, joiner] of all.entries()) {
    const { status, ending, bytes } = joiner
    const right = { status: 200, ending: 'complete', bytes: size }
    assert.deepEqual({ status, ending, bytes }, right, `client ${n + 2}`)
  }
  const slowest = Math.max(waited, ...all.map((joiner) => joiner.waited))
  assert.ok(slowest < 0.02, `a first byte waited for ${(slowest * 100).toFixed(2)} % of the rest`)
  assert.equal(cold.upstreamGets().length, 1)
})
