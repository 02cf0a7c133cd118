import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PullQuota } from '../../../src/upstream/upstream.ts'
import { PullBudget, reserveOf } from '../../../src/warm/quota.ts'
import type { RunningPull } from '../../../src/warm/quota.ts'

function quota(limit: number | undefined, remaining: number, toldAtMs = 0): PullQuota {
  return { limit, remaining, windowSeconds: 21600, source: undefined, toldAtMs }
}

function budgetOf(told: () => PullQuota | undefined, reserve: number, now = () => 0): PullBudget {
  return new PullBudget({ quota: told, reserve, now })
}

test('people are left 20 pulls, or a fifth where there are few, or as many as is said', () => {
  assert.equal(reserveOf(quota(100, 50), undefined), 20)
  assert.equal(reserveOf(quota(200, 50), undefined), 20)
  assert.equal(reserveOf(quota(10, 50), undefined), 2)
  assert.equal(reserveOf(quota(undefined, 50), undefined), 10)
  assert.equal(reserveOf(quota(100, 50), 0), 0)
  assert.equal(reserveOf(quota(10, 10), 7), 7)
})

test('a registry that counts nothing limits nothing', () => {
  const budget = budgetOf(() => undefined, 50)
  for (let n = 0; n < 1000; n += 1) assert.ok(budget.begin())
  assert.equal(budget.left, undefined)
})

// Requests that begin and end in any order; the registry counts each when it comes, or when it has
// answered, and tells with some answers only.
const step = fc.record({
  ends: fc.boolean(),
  which: fc.nat(10),
  tells: fc.boolean(),
  wasAsked: fc.boolean(),
})

test('the reserve is never touched, in whatever order answers come', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 100 }),
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: -2, max: 6 }),
      (steps, reserve, above) => {
        const start = Math.max(0, reserve + above)
        let remaining = start
        let clock = 0
        let told = quota(100, start)
        const budget = budgetOf(() => told, reserve)
        const running: RunningPull[] = []
        for (const { ends, which, tells, wasAsked } of steps) {
          if (!ends || running.length === 0) {
            const pull = budget.begin()
            if (pull) running.push(pull)
            continue
          }
          const [pull] = running.splice(which % running.length, 1)
          if (wasAsked) remaining -= 1
          if (tells && wasAsked) told = quota(100, remaining, (clock += 1))
          pull?.end({ wasAsked })
          assert.ok(remaining >= Math.min(start, reserve), `${remaining} of ${start}`)
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('two answers that overtake each other do not make one pull more', () => {
  let told = quota(100, 23)
  const budget = budgetOf(() => told, 20)
  const [first, second] = [budget.begin(), budget.begin()]
  told = quota(100, 21, 1)
  second?.end({ wasAsked: true })
  told = quota(100, 22, 2)
  first?.end({ wasAsked: true })
  assert.equal(budget.left, 1)
  // What a new window brings is more than that.
  told = quota(100, 100, 3)
  assert.equal(budget.left, 80)
})

test('what is not sent in the end gives its place back', () => {
  const budget = budgetOf(() => quota(100, 21), 20)
  const pull = budget.begin()
  assert.equal(budget.begin(), undefined)
  pull?.end({ wasAsked: false })
  assert.ok(budget.begin())
})

const WINDOW_MS = 21_600_000

test('what was told longer ago than its window limits nothing, and is found out anew', () => {
  let nowMs = WINDOW_MS - 1
  let told = quota(100, 5)
  const budget = budgetOf(
    () => told,
    20,
    () => nowMs,
  )
  budget.answered()
  assert.equal(budget.begin(), undefined)
  assert.ok(!budget.isUntried)
  nowMs = WINDOW_MS
  assert.equal(budget.left, undefined)
  assert.ok(budget.isUntried)
  const pull = budget.begin()
  told = quota(100, 21, nowMs)
  pull?.end({ wasAsked: true })
  assert.equal(budget.left, 1)
})

test('a registry is untried until one pull was answered', () => {
  const budget = budgetOf(() => undefined, 20)
  budget.begin()?.end({ wasAsked: false })
  assert.ok(budget.isUntried)
  budget.begin()?.end({ wasAsked: true })
  assert.ok(!budget.isUntried)
})
