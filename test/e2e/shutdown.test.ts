// Signals in the middle of a pull: the first lets running responses end and refuses new ones, the
// second ends at once, and the next start goes on where the download stood.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ColdBlob, MIB } from '../support/cold-blob.ts'
import { unreadBytes } from '../support/fetched-again.ts'
import { rawRequest } from '../support/raw-http.ts'
import type { RawResponse } from '../support/raw-http.ts'
import { awaitedLater, waitUntil } from '../support/wait-until.ts'

const MEBIBYTES = 40
const LINK = { bytesPerSecond: 20e6 }
const REFETCHED_AT_MOST = MIB

// A pull that goes on by itself, with the link slow enough for things to happen meanwhile.
async function pullTo(cold: ColdBlob, share: number) {
  const response: RawResponse = await cold.request()
  const taken = awaitedLater(response.take({ expect: cold.content }))
  await waitUntil(() => response.received >= share * cold.size, { what: `${share} of the blob` })
  return { response, taken }
}

async function refuses(url: string): Promise<boolean> {
  try {
    await using response = await rawRequest(`${url}/v2/`)
    return response.status === 503
  } catch {
    return true
  }
}

async function untilRefused(cold: ColdBlob): Promise<void> {
  await waitUntil(() => refuses(cold.mirror.url), { what: 'new requests are refused' })
}

test('SIGTERM lets a running pull end and refuses new ones', { timeout: 60_000 }, async () => {
  await using cold = await ColdBlob.start({ mebibytes: MEBIBYTES, link: LINK })
  const { program } = cold.mirror
  const { response, taken } = await pullTo(cold, 0.25)

  program.signal('SIGTERM')
  await untilRefused(cold)
  assert.ok(response.received < cold.size, 'the pull was still running when new ones were refused')

  const { bytes, ending } = await taken
  assert.deepEqual({ bytes, ending }, { bytes: cold.size, ending: 'complete' })
  assert.deepEqual(await program.exited, { code: 0, signal: null })
  assert.equal(cold.upstreamGets().length, 1)
})

interface Stop {
  readonly before?: (cold: ColdBlob) => Promise<void>
  readonly signal: NodeJS.Signals
}

// What the mirror has taken in when the signal comes. It stands still for that: on a busy machine the
// kernel holds some MiB for it, which were never its own.
async function stopped(cold: ColdBlob, { before, signal }: Stop): Promise<number> {
  const { program } = cold.mirror
  await before?.(cold)
  program.signal('SIGSTOP')
  const letGo = cold.link.holdAt(cold.link.delivered)
  const fetched = cold.link.delivered - unreadBytes(cold.link)
  program.signal(signal)
  program.signal('SIGCONT')
  await program.exited
  letGo()
  return fetched // with the response's head, some hundred bytes
}

const STOPS: Readonly<Record<string, Stop>> = {
  'a second SIGTERM': {
    before: async (cold) => {
      cold.mirror.program.signal('SIGTERM')
      await untilRefused(cold)
      assert.equal(cold.mirror.program.exit, undefined, 'the first one waits for the pull')
    },
    signal: 'SIGTERM',
  },
  'a crash': { signal: 'SIGKILL' },
}

for (const [name, stop] of Object.entries(STOPS)) {
  test(`${name} ends at once, and the next start resumes`, { timeout: 60_000 }, async () => {
    await using cold = await ColdBlob.start({ mebibytes: MEBIBYTES, link: LINK })
    const { taken } = await pullTo(cold, 0.25)

    const fetched = await stopped(cold, stop)
    assert.ok(fetched < cold.size, 'it did not wait for the download')
    assert.notEqual((await taken).ending, 'complete')

    cold.link.set({})
    await cold.mirror.restart()
    const response = await cold.request()
    const { bytes, ending } = await response.take({ expect: cold.content })
    assert.deepEqual({ bytes, ending }, { bytes: cold.size, ending: 'complete' })

    const ranges = cold.upstreamGets().map((request) => request.range)
    assert.equal(ranges.length, 2, `upstream was asked for ${ranges.join(' and ')}`)
    const from = Number(/^bytes=(\d+)-\d*$/.exec(ranges[1] ?? '')?.[1])
    const refetched = fetched - from
    assert.ok(refetched <= REFETCHED_AT_MOST, `${refetched} bytes were fetched again`)
  })
}
