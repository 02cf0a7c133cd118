import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../../src/errors.ts'
import { AttemptError } from '../../../src/upstream/attempt-error.ts'
import { Gate } from '../../../src/upstream/gate.ts'
import type { Traffic } from '../../../src/upstream/gate.ts'
import { DEFAULT_LIMITS } from '../../../src/upstream/limits.ts'

const MANIFESTS = { traffic: 'manifests', anonymously: false } as const
const BLOBS = { traffic: 'blobs', anonymously: false } as const
const { signal } = new AbortController()
const DEAD = new AttemptError('unreachable', 'no route', { transient: true, endpointDown: true })
const BUSY = new AttemptError('bad-response', '503', { transient: true })
const STORAGE_DEAD = new AttemptError('unreachable', 'no route to storage', { transient: true })
const REFUSED = new AttemptError('not-visible', '403')

class Gated {
  nowMs = 1_000_000
  readonly told: (string | number)[] = []
  readonly gate: Gate

  constructor(othersFollow: boolean) {
    this.gate = new Gate({
      label: 'lab.test: lab.test',
      limits: DEFAULT_LIMITS,
      othersFollow,
      now: () => this.nowMs,
      leftAlone: (what, _because, forMs) =>
        this.told.push(what === 'all' ? what : what.traffic, forMs),
      worksAgain: () => this.told.push('works'),
    })
  }

  // Undefined where it is let in.
  async refusal(traffic: Traffic = 'manifests', how = {}): Promise<string | undefined> {
    const admission = {
      traffic,
      anonymously: false,
      isContinuation: false,
      isFurther: false,
      isLastResort: false,
      ...how,
    }
    try {
      await this.gate.admit(admission, signal)
      return undefined
    } catch (error) {
      assert.ok(error instanceof UpstreamError)
      assert.equal(error.wasSent, false)
      return error.kind
    }
  }

  takeTold(): (string | number)[] {
    return this.told.splice(0)
  }
}

test('429 without a time: each pause in a row is longer where others follow, and one is one', async () => {
  const gated = new Gated(true)
  for (const seconds of [15, 30, 60, 120, 240, 300, 300]) {
    assert.equal(await gated.refusal(), undefined)
    for (const _ of [1, 2, 3]) gated.gate.pause(MANIFESTS, '429', undefined)
    assert.deepEqual(gated.takeTold(), ['manifests', seconds * 1000])
    gated.nowMs += seconds * 1000 - 1
    assert.equal(await gated.refusal(), 'rate-limited')
    gated.nowMs += 1
  }
  gated.gate.succeeded(MANIFESTS)
  assert.deepEqual(gated.takeTold(), ['works'])
  gated.gate.pause(MANIFESTS, '429', undefined)
  assert.deepEqual(gated.takeTold(), ['manifests', 15_000])
})

test('429 without a time to the last endpoint: always the same short pause', () => {
  const gated = new Gated(false)
  for (const _ of [1, 2, 3]) {
    gated.gate.pause(MANIFESTS, '429', undefined)
    assert.deepEqual(gated.takeTold(), ['manifests', 5_000])
    gated.nowMs += 5_000
  }
})

test('a pause is for one kind of request, for what is new, and not ended by what was on the way', async () => {
  const gated = new Gated(true)
  gated.gate.pause(BLOBS, '429', 60_000)
  gated.gate.succeeded(BLOBS)
  assert.equal(await gated.refusal('blobs'), 'rate-limited')
  assert.equal(await gated.refusal('blobs', { isContinuation: true }), undefined)
  assert.equal(await gated.refusal('manifests'), undefined)
  assert.equal(await gated.refusal('lookups'), undefined)
  gated.gate.pause(BLOBS, '429', 90_000)
  gated.nowMs += 61_000
  assert.equal(await gated.refusal('blobs'), 'rate-limited')
})

test('a pause of what is asked without the login leaves the login alone, and the other way round', async () => {
  const gated = new Gated(true)
  gated.gate.pause({ ...MANIFESTS, anonymously: true }, '429', 60_000)
  assert.equal(await gated.refusal('manifests', { anonymously: true }), 'rate-limited')
  assert.equal(await gated.refusal('manifests'), undefined)
  assert.equal(gated.gate.status().state, 'working')
  gated.gate.pause(BLOBS, '429', 60_000)
  assert.equal(await gated.refusal('blobs', { anonymously: true }), undefined)
  assert.equal(gated.gate.status().state, 'paused')
})

test('an endpoint that is dead is dead without the login too', async () => {
  const gated = new Gated(true)
  gated.gate.failed(DEAD)
  assert.equal(await gated.refusal('lookups', { anonymously: true }), 'set-aside')
})

// [whether others follow, what fails, how often until it is set aside]
for (const [othersFollow, failure, times] of [
  [true, DEAD, 1],
  [true, STORAGE_DEAD, 1],
  [true, BUSY, 3],
  [true, REFUSED, Infinity],
  [false, DEAD, 3],
  [false, STORAGE_DEAD, Infinity],
  [false, BUSY, Infinity],
] as const) {
  const who = othersFollow ? 'one of several' : 'the last'
  test(`${who}: ${failure.kind} ${failure.message} ${times} times until it is set aside`, async () => {
    const gated = new Gated(othersFollow)
    let failed = 0
    while (failed < 10 && (await gated.refusal()) === undefined) {
      gated.gate.failed(failure)
      failed += 1
    }
    assert.equal(failed, Math.min(times, 10))
  })
}

test('of twenty who were on the way when an endpoint died, one counts', () => {
  const gated = new Gated(true)
  for (let n = 0; n < 20; n += 1) gated.gate.failed(DEAD)
  assert.deepEqual(gated.takeTold(), ['all', 15_000])
  assert.equal(gated.gate.status().untilMs, gated.nowMs + 15_000)
})

test('after the rest one goes and finds out, and the others wait for what it finds', async () => {
  const gated = new Gated(true)
  gated.gate.failed(DEAD)
  gated.nowMs += 15_000
  assert.equal(await gated.refusal(), undefined)
  assert.equal(await gated.refusal(), 'set-aside')
  gated.gate.failed(REFUSED)
  assert.equal(await gated.refusal(), undefined)
  assert.equal(await gated.refusal(), undefined)
  assert.equal(gated.takeTold().at(-1), 'works')
})

test('a last resort need not wait longer than the first rest', async () => {
  const gated = new Gated(true)
  for (const seconds of [15, 30]) {
    gated.gate.failed(DEAD)
    gated.nowMs += seconds * 1000
    assert.equal(await gated.refusal(), undefined)
  }
  gated.gate.failed(DEAD)
  gated.nowMs += 14_999
  assert.equal(await gated.refusal('manifests', { isLastResort: true }), 'set-aside')
  gated.nowMs += 1
  assert.equal(await gated.refusal(), 'set-aside')
  assert.equal(await gated.refusal('manifests', { isLastResort: true }), undefined)
})
