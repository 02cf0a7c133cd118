// A run waits for an index that is being made again, and says so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmAnswer, WarmAsk, WarmProgress } from '../../../src/care/warm-job.ts'
import { afterRebuild } from '../../../src/warm/after-rebuild.ts'

const ASK = { mode: 'run' } as WarmAsk
const ANSWER = { kind: 'taken', run: '7', ahead: 0 } as const satisfies WarmAnswer

test('a run begins once the index is whole, and shows until then what it waits for', async () => {
  const { promise: isWhole, resolve: makeWhole } = Promise.withResolvers<void>()
  const shown: WarmProgress[] = []
  const begun: string[] = []
  const run = afterRebuild(
    async ({ progress }) => {
      progress({ what: 'looking at what is stored', done: 7, total: undefined, unit: 'blobs' })
      await isWhole
    },
    (_ask, _talk, id) => {
      begun.push(id)
      return Promise.resolve(ANSWER)
    },
  )
  const talk = {
    signal: new AbortController().signal,
    progress: (progress: WarmProgress) => void shown.push(progress),
    rows: () => Promise.resolve(),
  }
  const answer = run(ASK, talk, '7')
  await new Promise(setImmediate)
  assert.deepEqual(begun, [])
  assert.deepEqual(
    shown.map(({ phase, waitingFor }) => [phase, waitingFor]),
    [['waiting', 'the index, which is being made again (looking at what is stored: 7 blobs)']],
  )
  makeWhole()
  assert.deepEqual(await answer, ANSWER)
  assert.deepEqual(begun, ['7'])
})

test('a run whose index cannot be made again does not begin', async () => {
  const run = afterRebuild(
    () => Promise.reject(new Error('stopped')),
    () => assert.fail('it began'),
  )
  const talk = { signal: AbortSignal.abort(), progress: () => {}, rows: () => Promise.resolve() }
  await assert.rejects(run(ASK, talk, '7'), /stopped/)
})
