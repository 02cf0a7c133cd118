// Twenty clients on one cold layer behind a slow link: one upstream download, followed by all, from
// wherever each of them came in.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ColdBlob, MIB } from '../support/cold-blob.ts'
import { awaitedLater, waitUntil } from '../support/wait-until.ts'

const JOINERS = 19
const JOIN_EVERY = 0.04 // of the blob: the last one comes in at 76 %
const FIRST_BYTE_WITHIN = 0.02 // of what remained when the client came
const LATE_AT_MOST = 10 // for want of a processor: polling, or waiting for data, makes nearly all late

test('a cold layer is downloaded once for all who join', { timeout: 120_000 }, async () => {
  await using cold = await ColdBlob.start({ mebibytes: 100, link: { bytesPerSecond: 20e6 } })
  const { content, link, size } = cold

  const pull = async (leaveAfter = Infinity) => {
    const came = link.delivered
    // A client that needs more than this from upstream never gets its first byte.
    const letGo = link.holdAt(Math.ceil(came + FIRST_BYTE_WITHIN * (size - came)))
    let late = false
    const response = await cold.request()
    const taken = await response.take({
      expect: content,
      leaveAfter,
      onChunk: (chunk, received) => {
        if (received === chunk.length) late = letGo()
      },
    })
    return { status: response.status, ...taken, late }
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

  const { status, ending } = await first
  assert.deepEqual({ status, ending }, { status: 200, ending: 'left' })
  const all = await Promise.all(joiners)
  for (const [n, joiner] of all.entries()) {
    const { status, ending, bytes } = joiner
    const right = { status: 200, ending: 'complete', bytes: size }
    assert.deepEqual({ status, ending, bytes }, right, `client ${n + 2}`)
  }
  const late = all.filter((joiner) => joiner.late).length
  assert.ok(late <= LATE_AT_MOST, `${late} clients got their first byte only at the limit`)
  assert.equal(cold.upstreamGets().length, 1)
})
