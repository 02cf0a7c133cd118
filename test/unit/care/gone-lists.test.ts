import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { test } from 'node:test'
import { leaveGoneLists } from '../../../src/care/gone-lists.ts'
import type { GoneListsOptions } from '../../../src/care/gone-lists.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const NOW = 1_000
const KEEP_MS = 7_000

// Lists that have left all they kept, and from when on that may go.
async function gone(
  lists: readonly string[],
  changes: Partial<Pick<GoneListsOptions, 'stat'>> = {},
): Promise<(readonly [string, number | undefined])[]> {
  const told: (readonly [string, number | undefined])[] = []
  const left: string[] = []
  await leaveGoneLists({
    index: { keepPins: (by) => Promise.resolve(void left.push(by)) },
    reader: {
      pinningLists: () =>
        Promise.resolve(lists.map((list) => ({ by: `list ${list}`, keepMs: KEEP_MS }))),
    },
    stat,
    events: { listGone: (...args) => void told.push(args) },
    now: () => NOW,
    ...changes,
  })
  assert.deepEqual(
    left,
    told.map(([list]) => `list ${list}`),
  )
  return told
}

test('a list whose file is gone from its folder has left what it kept', async () => {
  await using folder = new TempFolder('gone')
  writeFileSync(folder.join('there.txt'), '')
  const [there, deleted] = [folder.join('there.txt'), folder.join('deleted.txt')]
  assert.deepEqual(await gone([there, deleted, 'relative.txt']), [[deleted, NOW + KEEP_MS]])
})

test('a list that may only be out of sight keeps what it kept', async () => {
  await using folder = new TempFolder('gone')
  mkdirSync(folder.join('mounted'))
  writeFileSync(folder.join('file'), '')
  const unmounted = folder.join('unmounted', 'mirror.txt')
  const belowFile = folder.join('file', 'mirror.txt')
  assert.deepEqual(await gone([unmounted, belowFile]), [])
  const forbidden = Object.assign(new Error('not yours'), { code: 'EACCES' })
  const list = folder.join('mounted', 'mirror.txt')
  assert.deepEqual(await gone([list], { stat: () => Promise.reject(forbidden) }), [])
  assert.deepEqual(await gone([list]), [[list, NOW + KEEP_MS]])
})

test('a folder that does not answer is not waited for, and no other is looked at after it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let looks = 0
  const hanging = (): Promise<never> => {
    looks += 1
    setImmediate(() => t.mock.timers.tick(5_000))
    return new Promise(() => {})
  }
  assert.deepEqual(await gone(['/slow/one.txt', '/slow/two.txt'], { stat: hanging }), [])
  assert.equal(looks, 1)
})
