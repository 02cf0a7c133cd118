import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { paceOf, scrub } from '../../../src/care/scrub.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { KeptStore } from '../../support/kept-store.ts'
import { unreadable } from '../../support/unreadable.ts'

const MiB = 1024 * 1024
const DAY_MS = 86_400_000
const SPAN_MS = 30 * DAY_MS

// A clock that goes by sleeping, until `durationMs` of it are over.
async function scrubFor(
  kept: KeptStore,
  durationMs: number,
  isBusy = (): boolean => false,
): Promise<{ readonly slept: number[]; readonly checked: Digest[] }> {
  const stopping = new AbortController()
  const end = kept.now + durationMs
  const slept: number[] = []
  const checked: Digest[] = []
  const { integrity } = kept
  await scrub(
    {
      index: kept.store.index,
      integrity: {
        check: async (digest, pace) => {
          const finding = await integrity.check(digest, pace)
          checked.push(digest)
          return finding
        },
      },
      spanMs: SPAN_MS,
      isBusy,
      sleep: async (duration, signal) => {
        slept.push(duration)
        kept.now += Math.ceil(duration)
        if (kept.now >= end) stopping.abort()
        signal.throwIfAborted()
      },
      now: () => kept.now,
    },
    stopping.signal,
  )
  return { slept, checked }
}

async function storeOf(sizes: readonly number[]): Promise<{ kept: KeptStore; digests: Digest[] }> {
  const kept = await KeptStore.open()
  const digests: Digest[] = []
  for (const size of sizes) {
    kept.now += 1000
    digests.push(await kept.add(Buffer.alloc(size, `content of ${size}`)))
  }
  return { kept, digests }
}

test('everything is hashed once in the span, longest unchecked first', async () => {
  const { kept, digests } = await storeOf([3 * MiB, 9 * MiB, 1, 0])
  await using _ = kept
  const { checked } = await scrubFor(kept, SPAN_MS)
  assert.deepEqual(checked, digests)
})

test('nothing is hashed before half the span is over', async () => {
  const { kept } = await storeOf([MiB])
  await using _ = kept
  assert.deepEqual((await scrubFor(kept, SPAN_MS / 2 - DAY_MS)).checked, [])
})

test('a large blob is read as slowly as many small ones', async () => {
  const { kept } = await storeOf([9 * MiB])
  await using _ = kept
  kept.now += SPAN_MS
  const { slept } = await scrubFor(kept, 60_000)
  assert.deepEqual(slept.slice(0, 4), [0, 4000, 4000, 1000])
})

test('it waits while downloads run', async () => {
  const { kept } = await storeOf([MiB])
  await using _ = kept
  kept.now += SPAN_MS
  assert.deepEqual((await scrubFor(kept, 100_000, () => true)).checked, [])
})

test('the pace grows with the store and has a least', () => {
  assert.equal(paceOf(MiB, SPAN_MS), MiB / 1000)
  assert.equal(paceOf(15 * DAY_MS * 1e6, SPAN_MS), 1e6)
})

test('what decayed without a trace leaves its place, and its neighbours stay', async () => {
  const { kept, digests } = await storeOf([1000, 2000, 3000])
  await using _ = kept
  const [, decayed] = digests as [Digest, Digest, Digest]
  const bytes = readFileSync(kept.pathOf(decayed))
  writeFileSync(kept.pathOf(decayed), bytes.fill('rot', 0, 9))
  await scrubFor(kept, SPAN_MS)
  assert.deepEqual(kept.damaged, [decayed])
  assert.equal(await kept.store.index.findBlob(decayed), undefined)
})

test('one file that cannot be looked at does not keep it from the others', async () => {
  const { kept, digests } = await storeOf([1000, 2000, 3000])
  await using _ = kept
  const [first, ...others] = digests as [Digest, Digest, Digest]
  unreadable(kept.pathOf(first))
  const { checked } = await scrubFor(kept, SPAN_MS)
  assert.deepEqual(checked, others)
})
