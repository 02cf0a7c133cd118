import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Jobs } from '../../../src/care/jobs.ts'
import { jobsAfter } from '../../../src/care/jobs-after.ts'

function setting(first: (signal: AbortSignal) => Promise<void>) {
  const done: string[] = []
  const job = (name: string) => async () => {
    done.push(name)
    return {} as never
  }
  const jobs: Omit<Jobs, 'warm' | 'runs'> = {
    ls: job('ls'),
    rm: job('rm'),
    gc: job('gc'),
    verify: job('verify'),
    stats: job('stats'),
  }
  const talk = { signal: AbortSignal.timeout(20_000), progress: () => {}, rows: async () => {} }
  return { done, talk, jobs: jobsAfter(({ signal }) => first(signal), jobs) }
}

test('no job begins before what comes first is done, which is done once at a time', async () => {
  const { promise: isReady, resolve: makeReady } = Promise.withResolvers<void>()
  let running = 0
  const { done, talk, jobs } = setting(async () => {
    running += 1
    assert.equal(running, 1)
    await isReady
    running -= 1
  })
  const both = Promise.all([
    jobs.ls({ prefix: undefined }, talk),
    jobs.verify({ isDeep: false }, talk),
  ])
  await new Promise(setImmediate)
  assert.deepEqual(done, [])
  makeReady()
  await both
  assert.deepEqual(done, ['ls', 'verify'])
})

test('who is interrupted meanwhile gets no answer, and the next one does it again', async () => {
  let times = 0
  const { done, talk, jobs } = setting(async (signal) => {
    times += 1
    signal.throwIfAborted()
  })
  const interrupted = { ...talk, signal: AbortSignal.abort() }
  await assert.rejects(jobs.ls({ prefix: undefined }, interrupted))
  await jobs.stats({ days: 1 }, talk)
  assert.deepEqual([done, times], [['stats'], 2])
})
