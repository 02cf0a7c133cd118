import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Demand } from '../../../src/mirror/demand.ts'
import { Pace } from '../../../src/mirror/pace.ts'
import type { Cap } from '../../../src/mirror/pace.ts'
import { heldContent, seededContent } from '../../support/content.ts'
import { FillSetting } from '../../support/fill-setting.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { campaign, seed } from '../../support/seed.ts'

const KIB = 1024
const MIB = 1024 * KIB
const FLOOR = 64 * KIB
const CHUNK = 64 * KIB
const LINGER_MS = 1000

// Downloads that take as much as they get: what each has had by now.
function greedy(pace: Pace, count: number, cap?: Cap): { readonly bytes: number }[] {
  return Array.from({ length: count }, () => {
    const download = { bytes: 0 }
    const take = async (): Promise<void> => {
      for (;;) {
        await pace.take(download, CHUNK, cap)
        download.bytes += CHUNK
      }
    }
    void take()
    return download
  })
}

function sumOf(downloads: readonly { readonly bytes: number }[]): number {
  return downloads.reduce((sum, { bytes }) => sum + bytes, 0)
}

test('without a cap and without pulls nothing waits', () => {
  const pace = new Pace(new ManualClock())
  for (let n = 0; n < 1000; n += 1) assert.equal(pace.take({}, MIB, undefined), undefined)
  assert.equal(pace.isYielding, false)
})

test('all downloads of a run together stay below its cap, and get what it allows', async () => {
  const property = fc.asyncProperty(
    fc.integer({ min: 10 * KIB, max: 100 * MIB }),
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 20 }),
    async (cap, count, seconds) => {
      const clock = new ManualClock()
      const pace = new Pace(clock)
      const downloads = greedy(pace, count, { bytesPerSecond: cap })
      await clock.pass(seconds * 1000)
      const allowed = cap * seconds
      // A chunk is taken as a whole, ahead of what it costs.
      assert.ok(sumOf(downloads) <= allowed * 1.25 + CHUNK, `${sumOf(downloads)} of ${allowed}`)
      assert.ok(sumOf(downloads) >= allowed * 0.9 - CHUNK, `${sumOf(downloads)} of ${allowed}`)
    },
  )
  await fc.assert(property, { seed, numRuns: campaign(10) })
})

test('each run has its own cap, and one without a cap waits for none', async () => {
  const clock = new ManualClock()
  const pace = new Pace(clock)
  const slow = greedy(pace, 2, { bytesPerSecond: MIB / 4 })
  const fast = greedy(pace, 2, { bytesPerSecond: MIB })
  for (let n = 0; n < 100; n += 1) assert.equal(pace.take({}, MIB, undefined), undefined)
  await clock.pass(8000)
  const [slowly, quickly] = [sumOf(slow), sumOf(fast)]
  assert.ok(slowly > 1.8 * MIB && slowly < 2.5 * MIB, `${slowly}`)
  assert.ok(quickly > 7.5 * MIB && quickly < 9 * MIB, `${quickly}`)
})

test('what a slow run waits with comes at once when a faster one wants it too, and stays so', async () => {
  const clock = new ManualClock()
  const demand = new Demand(new Pace(clock), () => {})
  const keeper = (bytesPerSecond: number) => ({ arrived: () => {}, cap: { bytesPerSecond } })
  const chunks = async (): Promise<number> => {
    let count = 0
    const isOver = clock.pass(10_000).then(() => true)
    for (;;) {
      const isNext = Promise.resolve(demand.standBack(CHUNK)).then(() => false)
      if (await Promise.race([isOver, isNext])) return count
      count += 1
    }
  }
  demand.keep(keeper(CHUNK / 10))
  assert.ok((await chunks()) <= 2)
  const waiting = demand.standBack(CHUNK)
  const leave = demand.keep(keeper(CHUNK * 10))
  await waiting
  const fast = await chunks()
  assert.ok(fast > 90 && fast < 110, `${fast}`)
  leave()
  assert.ok((await chunks()) <= 2)
})

test('while a pull is downloaded the others together get a twentieth of what it gets', async () => {
  const clock = new ManualClock()
  const pace = new Pace(clock)
  const pull = {}
  pace.liveBegan(pull)
  const downloads = greedy(pace, 5)
  const liveBytes = 20 * MIB
  for (let n = 0; n < 100; n += 1) {
    pace.liveArrived(liveBytes / 10)
    await clock.pass(100)
  }
  const share = sumOf(downloads) / (10 * liveBytes)
  assert.ok(share > 0.03 && share < 0.06, `${share}`)
})

test('a pull that stalls leaves the others a trickle, evenly', async () => {
  const clock = new ManualClock()
  const pace = new Pace(clock)
  pace.liveBegan({})
  const downloads = greedy(pace, 4)
  await clock.pass(60_000)
  const each = (60 * FLOOR) / 4
  for (const { bytes } of downloads) {
    assert.ok(Math.abs(bytes - each) <= 2 * CHUNK, `${bytes} of ${each}`)
  }
})

test('what waits for a pull goes on soon after that is over, and not between two of its blobs', async () => {
  const clock = new ManualClock()
  const pace = new Pace(clock)
  const [first, second] = [{}, {}]
  pace.liveBegan(first)
  // Which leaves nothing to anybody for a while.
  const ahead = pace.take({}, 10 * MIB, undefined)
  let waitedMs: number | undefined
  void pace.take({}, CHUNK, undefined)?.then((ms) => (waitedMs = ms))
  await clock.pass(100)
  await ahead
  pace.liveEnded(first)
  await clock.pass(LINGER_MS / 2)
  pace.liveBegan(second)
  await clock.pass(LINGER_MS)
  pace.liveEnded(second)
  await clock.pass(LINGER_MS - 100)
  assert.equal(waitedMs, undefined)
  assert.equal(pace.isYielding, true)
  await clock.pass(200)
  assert.ok(waitedMs)
  assert.equal(pace.isYielding, false)
  assert.equal(pace.take({}, MIB, undefined), undefined)
})

test('a download that a client joins waits no longer', async () => {
  const clock = new ManualClock()
  const pace = new Pace(clock)
  pace.liveBegan({})
  const joined = {}
  void pace.take({}, MIB, undefined)
  const taken = pace.take(joined, MIB, undefined)
  pace.liveBegan(joined)
  assert.equal(await taken, 0)
})

test('downloads that upstream takes for dead while they stand back go on, however often', async (t) => {
  const setting = new FillSetting()
  t.after(() => setting.close())
  const clock = new ManualClock()
  const pace = new Pace(clock)
  pace.liveBegan({})
  const content = heldContent(seededContent('stood back', 3 * MIB))
  const cut = { cutAfter: 300 * KIB, ignoreRange: false, flip: undefined }
  const faults = Array.from({ length: 9 }, () => cut)
  const plan = { content, chunkBytes: 100 * KIB, tellsSize: true, isDescribed: true, faults }
  const fill = setting.start(plan, { pace })
  void fill.keep({ arrived: () => {}, cap: undefined })
  const ended = { how: '' }
  void fill.ended.then(({ how }) => (ended.how = how))
  while (ended.how === '') await clock.pass(1000)
  assert.equal(ended.how, 'published')
})
