import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmCause, WarmStatus } from '../../../src/care/warm-job.ts'
import { outcomeOf } from '../../../src/warm/outcome.ts'

type Told = WarmStatus | readonly [WarmStatus, WarmCause]

function outcome(told: readonly Told[], more: Partial<Parameters<typeof outcomeOf>[0]> = {}) {
  const results = told.map((each) => {
    const [status, cause] = typeof each === 'string' ? [each] : each
    return { status, cause, because: cause && `${cause} it was`, registry: 'docker.io' }
  })
  const base = { mode: 'run', by: undefined, because: undefined } as const
  return outcomeOf({ ...base, ...more, results })
}

test('all is well: done; some for the next run: left; some failed: failures', () => {
  assert.equal(outcome([]).outcome, 'done')
  assert.equal(outcome(['fresh', 'warmed']).outcome, 'done')
  assert.equal(outcome(['fresh', ['left', 'quota']]).outcome, 'left')
  assert.equal(outcome(['fresh', ['left', 'quota']]).because, 'quota it was')
  assert.equal(outcome(['warmed', ['failed', 'not-found'], ['left', 'until']]).outcome, 'failures')
})

test('whoever stopped it hears that it was interrupted, whatever failed before', () => {
  const stopped = { by: 'stopped', because: 'it was interrupted' } as const
  assert.equal(outcome([['failed', 'not-found'], 'warmed'], stopped).outcome, 'interrupted')
})

test('nothing could be done: all failed, or no room for anything that was to be fetched', () => {
  assert.equal(outcome([['failed', 'not-found']]).outcome, 'nothing')
  const offline = outcome([
    ['failed', 'unreachable'],
    ['failed', 'unreachable'],
  ])
  assert.equal(offline.outcome, 'nothing')
  assert.match(offline.because ?? '', /^no network: .*docker\.io/)
  const full = { by: 'disk', because: 'the disk is full' } as const
  assert.equal(outcome(['fresh', ['failed', 'disk']], full).outcome, 'nothing')
  assert.equal(outcome(['fresh', ['failed', 'disk']], full).because, 'the disk is full')
  assert.equal(outcome(['warmed', ['failed', 'disk']], full).outcome, 'failures')
  assert.equal(outcome(['fresh', ['failed', 'not-found']]).outcome, 'failures')
})

test('one reason is told of all only where it is of none of them in particular', () => {
  const missing = outcome([
    ['failed', 'not-found'],
    ['failed', 'not-found'],
  ])
  assert.equal(missing.because, 'all 2 images failed')
  assert.equal(outcome([['failed', 'unauthorized']]).because, 'the only image failed')
  const mixed = outcome([
    ['failed', 'unreachable'],
    ['failed', 'not-found'],
  ])
  assert.equal(mixed.because, 'all 2 images failed')
  const full = outcome(['fresh', ['failed', 'room'], ['failed', 'room']])
  assert.equal(full.because, 'the store has no room for what was to be fetched')
})

test('a check finds what is stale, a plan only tells of it', () => {
  assert.equal(outcome(['fresh', 'stale'], { mode: 'check' }).outcome, 'stale')
  assert.equal(outcome(['fresh', 'stale'], { mode: 'plan' }).outcome, 'done')
  assert.equal(outcome(['stale', ['failed', 'not-found']], { mode: 'check' }).outcome, 'failures')
})

test('what lists may not keep is told before what failed, but not to whoever stopped it', () => {
  const over = ['left', 'budget'] as const
  assert.equal(outcome(['warmed', over, ['failed', 'not-found']]).outcome, 'over-budget')
  assert.equal(outcome(['warmed', over]).because, '1 image is more than lists may keep')
  assert.equal(outcome([over, over]).because, '2 images are more than lists may keep')
  assert.equal(outcome([['fresh', 'budget']]).outcome, 'over-budget')
  const stopped = { by: 'stopped', because: 'it was interrupted' } as const
  assert.equal(outcome([over], stopped).outcome, 'interrupted')
})
