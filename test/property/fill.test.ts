import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { campaign, seed } from '../support/seed.ts'
import { FillSetting, readThrough } from '../support/fill-setting.ts'
import type { Fault } from '../support/fill-setting.ts'
import { seededContent, heldContent } from '../support/content.ts'
import { checkStore, publishedDigests, publishedPath } from '../support/store-invariants.ts'

// What is withheld is 64 KiB: sizes on both sides of it.
const sizes = fc.oneof(fc.nat(300), fc.integer({ min: 60_000, max: 70_000 }), fc.nat(400_000))

const faults = fc.array(
  fc.record({
    cutAfter: fc.option(fc.nat(400_000), { nil: undefined }),
    ignoreRange: fc.boolean(),
    flip: fc.option(fc.nat(400_000), { nil: undefined, freq: 6 }),
  }),
  { maxLength: 2 },
)

const readers = fc.array(
  fc.record({
    // After how many turns of the loop it comes, and how much it reads before it leaves.
    comesAfter: fc.nat(20),
    leavesAfter: fc.option(fc.nat(400_000), { nil: undefined, freq: 2 }),
    from: fc.nat(400_000),
  }),
  { minLength: 1, maxLength: 5 },
)

const run = fc.record({
  size: sizes,
  chunkBytes: fc.integer({ min: 1, max: 100_000 }),
  tellsSize: fc.boolean(),
  isDescribed: fc.boolean(),
  faults,
  readers,
})

let setting: FillSetting | undefined
after(() => setting?.close())

test('whatever is cut, joined, left or wrong: a prefix or the whole, and the whole or nothing', async () => {
  setting = new FillSetting()
  const { folder } = setting
  let runs = 0
  const property = fc.asyncProperty(run, async (plan) => {
    const content = heldContent(seededContent(`fill ${seed} ${runs++}`, plan.size))
    assert.ok(setting)
    const isWrong = hasFlip(plan.faults, plan.size)
    const fill = setting.start({ ...plan, content })
    const read = await Promise.all(plan.readers.map((reader) => readThrough(fill, reader)))
    const end = await fill.ended
    assert.equal(setting.runningHashes, 0)

    for (const { bytes, from, isComplete } of read) {
      if (isComplete) {
        assert.equal(end.how, 'published')
        assert.equal(from + bytes.length, Math.max(from, content.size))
      }
      // Wrong bytes that lie behind a cut, or before a range, never come.
      const isRight = !isWrong || end.how === 'published'
      if (isRight) assert.ok(bytes.equals(content.bytes.subarray(from, from + bytes.length)))
      else assert.ok(from + bytes.length < content.size || bytes.length === 0)
    }
    const isStored = publishedDigests(folder).includes(content.digest)
    assert.equal(isStored, end.how === 'published')
    if (isStored)
      assert.ok(readFileSync(publishedPath(folder, content.digest)).equals(content.bytes))
    else assert.ok(isWrong || plan.faults.length > 0, 'failed without a reason')

    // A later attempt at a good upstream always succeeds, whatever this one left behind.
    if (!isStored) {
      const again = setting.start({ ...plan, content, faults: [] })
      assert.equal((await again.ended).how, 'published')
    }
    checkStore(folder, new Map([[content.digest, content]]))
  })
  await fc.assert(property, { seed, numRuns: campaign(40) })
})

function hasFlip(all: readonly Fault[], size: number): boolean {
  return all.some(({ flip }) => flip !== undefined && flip < size)
}
