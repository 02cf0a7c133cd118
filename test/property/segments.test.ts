// Downloads over several connections at once, of a source that cuts, refuses, ignores ranges, is slow
// or wrong at random: the same promises as over one, and not a byte too many.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { heldContent, seededContent } from '../support/content.ts'
import { FillSetting, readThrough } from '../support/fill-setting.ts'
import type { Fault, Given } from '../support/fill-setting.ts'
import { campaign, seed } from '../support/seed.ts'
import { checkStore, publishedDigests, publishedPath } from '../support/store-invariants.ts'

const PIECES = { worthBytes: 100_000, minBytes: 20_000, maxBytes: 60_000 }

// More in a row are the end of a download over one connection too.
const CUTS_MAX = 4

const slowTurns = fc.oneof(fc.constant(0), fc.nat(20))
const good = { cutAfter: undefined, ignoreRange: false, flip: undefined }
const slow: fc.Arbitrary<Fault> = slowTurns.map((turns) => ({ ...good, slowTurns: turns }))
const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 3, arbitrary: slow },
  fc.nat(40_000).map((cutAfter) => ({ ...good, cutAfter })),
  fc.constantFrom(
    { ...good, refusal: 'rate-limited' as const },
    { ...good, refusal: 'not-visible' as const },
    { ...good, refusal: 'unreachable' as const },
  ),
  fc.constant({ ...good, ignoreRange: true }),
)

const plan = fc.record({
  size: fc.oneof(fc.nat(150_000), fc.integer({ min: 100_000, max: 900_000 })),
  chunkBytes: fc.integer({ min: 1000, max: 70_000 }),
  segments: fc.integer({ min: 1, max: 6 }),
  faults: fc.array(fault, { maxLength: 12 }),
  wrongAt: fc.option(fc.nat(900_000), { nil: undefined, freq: 5 }),
  readers: fc.array(
    fc.record({
      comesAfter: fc.nat(20),
      leavesAfter: fc.option(fc.nat(400_000), { nil: undefined, freq: 2 }),
      from: fc.nat(600_000),
    }),
    { minLength: 1, maxLength: 3 },
  ),
})

const setting = new FillSetting()
after(() => setting.close())

test('over several connections too: a prefix or the whole, and the whole or nothing', async () => {
  const { folder } = setting
  let runs = 0
  const property = fc.asyncProperty(plan, async ({ readers, segments, wrongAt, ...rest }) => {
    const content = heldContent(seededContent(`segments ${seed} ${runs++}`, rest.size))
    const isWrong = wrongAt !== undefined && wrongAt < rest.size
    const faults = [...rest.faults, ...Array.from({ length: 50 }, () => good)]
      .filter(atMost(CUTS_MAX, ({ cutAfter }) => cutAfter !== undefined))
      .map((each) => ({ ...each, flip: wrongAt }))
    const told = { content, chunkBytes: rest.chunkBytes, tellsSize: true, isDescribed: true }
    const fill = setting.start({ ...told, faults }, { segments, pieceSizes: PIECES })
    const read = await Promise.all(readers.map((reader) => readThrough(fill, reader)))
    const end = await fill.ended
    assert.equal(setting.runningHashes, 0)

    for (const { bytes, from, isComplete } of read) {
      if (isComplete) assert.equal(from + bytes.length, Math.max(from, content.size))
      if (isComplete) assert.equal(end.how, 'published')
      if (!isWrong) assert.ok(bytes.equals(content.bytes.subarray(from, from + bytes.length)))
    }
    const isStored = publishedDigests(folder).includes(content.digest)
    assert.deepEqual([isStored, end.how], isWrong ? [false, 'failed'] : [true, 'published'])
    if (!isWrong) {
      assert.ok(readFileSync(publishedPath(folder, content.digest)).equals(content.bytes))
      assert.equal(fill.fetchedBytes, content.size)
      const isWholeGiven = rest.faults.some(({ ignoreRange }) => ignoreRange)
      if (!isWholeGiven) assertGivenOnce(setting.given, content.size)
      return
    }

    const again = setting.start({ ...told, faults: [] }, { segments, pieceSizes: PIECES })
    assert.equal((await again.ended).how, 'published')
    checkStore(folder, new Map([[content.digest, content]]))
  })
  await fc.assert(property, { seed, numRuns: campaign(20) })
  checkStore(folder, new Map())
})

function atMost<T>(count: number, are: (each: T) => boolean): (each: T) => boolean {
  let left = count
  return (each) => !are(each) || left-- > 0
}

function assertGivenOnce(given: readonly Given[], size: number): void {
  let position = 0
  for (const { start, bytes } of given.toSorted((a, b) => a.start - b.start)) {
    assert.equal(start, position, 'one piece begins where the one before it ends')
    position += bytes
  }
  assert.equal(position, size)
}
