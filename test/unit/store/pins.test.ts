// What lists keep: by whom, how long after a list has stopped meaning it, and how much that is.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListPin, ListPins } from '../../../src/store/index-port.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { EVER, HeldImages, named, repositoryOf, tagOf } from '../../support/held-images.ts'

const [APP, WEB] = [repositoryOf('app'), repositoryOf('web')]
const DAY = 86_400_000
const NIGHTLY = 'list /etc/nightly.txt'
const OFFICE = 'list /etc/office.txt'

function tagged(repository: typeof APP, tag: string, keep: number | 'pin' = 7 * DAY): ListPin {
  const keepMs = keep === 'pin' ? undefined : keep
  return { repository, reference: { tag: tagOf(tag) }, keepMs }
}

function pins(held: readonly ListPin[], more: Partial<ListPins> = {}): ListPins {
  return { held, releasesOthers: true, still: [], unsure: [], at: 0, ...more }
}

// Images of one blob each, the first used longest ago.
function filled(...names: readonly string[]): HeldImages {
  const held = new HeldImages()
  names.forEach((name, n) => {
    const [repository = '', tag = ''] = name.split(':')
    held.hold(repositoryOf(repository), name, { blobs: [`blob of ${name}`] }, 1000 + n)
    held.tag(repositoryOf(repository), tag, name)
  })
  return held
}

// At that time, what would go of these, the least recently used first.
function evictable(held: HeldImages, now: number): string[] {
  held.index.endPins(now)
  const gone: string[] = []
  for (;;) {
    const removed = held.evictImage()
    if (!removed) return gone
    gone.push(...removed.tags.map(({ name, tag }) => `${name}:${tag}`))
  }
}

test('what left its list stays for its own time after that, and not longer', async () => {
  await using held = filled('app:1', 'app:2', 'web:1')
  const app1 = tagged(APP, '1', 2 * DAY)
  held.index.keepPins(NIGHTLY, pins([app1, tagged(APP, '2', 'pin'), tagged(WEB, '1')]))
  assert.deepEqual(evictable(held, 1000 * DAY), [], 'while the list means it')
  held.index.keepPins(NIGHTLY, pins([], { at: 10 * DAY }))
  // A run in between, which does not mean it either, begins no new time.
  held.index.keepPins(NIGHTLY, pins([], { at: 11 * DAY }))
  assert.deepEqual(evictable(held, 12 * DAY - 1), [])
  assert.deepEqual(evictable(held, 12 * DAY), ['app:1'])
  assert.deepEqual(evictable(held, 17 * DAY), ['web:1'])
  assert.deepEqual(evictable(held, 1000 * DAY), [], 'what is kept until somebody removes it')
})

test('what comes back in time never left, and its time is what the list says now', async () => {
  await using held = filled('app:1')
  held.index.keepPins(NIGHTLY, pins([tagged(APP, '1')]))
  held.index.keepPins(NIGHTLY, pins([], { at: DAY }))
  held.index.keepPins(NIGHTLY, pins([tagged(APP, '1', DAY)], { at: 2 * DAY }))
  assert.deepEqual(evictable(held, 500 * DAY), [])
  held.index.keepPins(NIGHTLY, pins([], { at: 500 * DAY }))
  assert.deepEqual(evictable(held, 501 * DAY - 1), [])
  assert.deepEqual(evictable(held, 501 * DAY), ['app:1'])
})

test('what two lists keep stays until both are done with it', async () => {
  await using held = filled('app:1')
  held.index.keepPins(NIGHTLY, pins([tagged(APP, '1', DAY)]))
  held.index.keepPins(OFFICE, pins([tagged(APP, '1', DAY)]))
  held.index.keepPins(NIGHTLY, pins([], { at: DAY }))
  assert.deepEqual(evictable(held, 100 * DAY), [])
  held.index.keepPins(OFFICE, pins([], { at: 100 * DAY }))
  assert.deepEqual(evictable(held, 101 * DAY), ['app:1'])
})

test('what a run could not bring, or not tell, stays as it was; a run cut short releases nothing', async () => {
  await using held = filled('app:1', 'app:2', 'web:1')
  const all = [tagged(APP, '1', 0), tagged(APP, '2', 0), tagged(WEB, '1', 0)]
  held.index.keepPins(NIGHTLY, pins(all))
  held.index.keepPins(NIGHTLY, pins([], { releasesOthers: false, at: DAY }))
  assert.deepEqual(evictable(held, 2 * DAY), [])
  const failed = { repository: APP, reference: { tag: tagOf('2') } }
  held.index.keepPins(NIGHTLY, pins([], { still: [failed], unsure: [WEB], at: 3 * DAY }))
  assert.deepEqual(evictable(held, 4 * DAY), ['app:1'])
})

test('what a list means but could not bring is not kept for its name alone', async () => {
  await using held = filled('app:1')
  const failed = { repository: APP, reference: { tag: tagOf('1') } }
  held.index.keepPins(NIGHTLY, pins([], { still: [failed] }))
  assert.deepEqual(evictable(held, DAY), ['app:1'])
})

test('a pinned tag that moved keeps its new image, and the last whole one', async () => {
  await using held = filled('app:1')
  held.index.keepPins(NIGHTLY, pins([tagged(APP, '1')]))
  held.hold(APP, 'newer', { blobs: ['newer blob'] }, 5000)
  held.tag(APP, '1', 'newer', 2)
  assert.deepEqual(evictable(held, DAY), [])
  assert.deepEqual(held.left('app:1', 'newer'), ['app:1', 'newer'])
  const selection = { registry: 'docker.io', name: { startsWith: '' } } as const
  const every = { ...selection, tagStartsWith: undefined, digestStartsWith: undefined }
  const { images } = held.look((reader) => reader.images(every, undefined))
  assert.deepEqual(
    images.map(({ tag, pinnedBy }) => [tag, pinnedBy]),
    [
      ['1', [NIGHTLY]],
      [undefined, [NIGHTLY]],
    ],
    'and whoever looks sees both pinned',
  )
})

test('who removes a pinned image by hand takes its pins, and nobody else', async () => {
  await using held = filled('app:1', 'app:2')
  const byDigest = { repository: APP, reference: { digest: named('app:2') }, keepMs: 0 }
  held.index.keepPins(NIGHTLY, pins([tagged(APP, '1'), tagged(APP, '2'), byDigest]))
  held.index.remove(APP, { tag: tagOf('1') }, [])
  held.hold(APP, 'app:1', { blobs: ['blob of app:1'] }, 1000)
  held.tag(APP, '1', 'app:1')
  assert.deepEqual(evictable(held, DAY), ['app:1'])
  // By another name a list keeps it still.
  held.index.remove(APP, { tag: tagOf('2') }, [])
  assert.deepEqual(held.left('app:2', 'blob of app:2'), ['app:2', 'blob of app:2'])
  held.index.remove(APP, { digest: named('app:2') }, [])
  assert.deepEqual(held.left('app:2', 'blob of app:2'), [])
  assert.equal(held.pinnedBytes(), 0)
})

test('what lists keep is counted once and in whole blocks, without what only a run holds', async () => {
  await using held = filled('app:1', 'app:2')
  held.hold(WEB, 'web', { blobs: ['blob of app:1', 'web blob', 'not stored'] }, 1)
  held.tag(WEB, '1', 'web')
  held.index.forgetBlob(named('not stored'))
  held.index.keepPins(NIGHTLY, pins([tagged(APP, '1'), tagged(WEB, '1')]))
  held.index.keepPins(OFFICE, pins([tagged(APP, '1')]))
  held.index.pin(APP, { tag: tagOf('2') }, 'warm (running) 1', 1)
  const { pins: kept, next } = held.look((reader) => reader.keptByLists(undefined))
  assert.equal(next, undefined)
  const contents = new Map(kept.flatMap(({ content }) => content))
  const stored = ['blob of app:1', 'web blob'].map((name) => [named(name), 8192])
  assert.deepEqual(contents, new Map(stored as [Digest, number][]))
  assert.deepEqual(
    kept.map(({ by, repository }) => `${by} ${repository.name}`),
    [`${NIGHTLY} app`, `${OFFICE} app`, `${NIGHTLY} web`],
  )
  assert.equal(held.pinnedBytes(), 3 * 8192)
})

test('what is pinned has another version after every change, and only then', async () => {
  await using held = filled('app:1')
  const versions = new Set<number>()
  const isNew = (change: () => unknown): boolean => {
    change()
    const known = versions.size
    return versions.add(held.index.pinsVersion()).size > known
  }
  const { index } = held
  const one = tagged(APP, '1', DAY)
  assert.ok(isNew(() => index.keepPins(NIGHTLY, pins([one]))))
  assert.ok(!isNew(() => index.keepPins(NIGHTLY, pins([one], { at: 1 }))))
  assert.ok(!isNew(() => index.endPins(EVER)))
  assert.ok(isNew(() => index.keepPins(NIGHTLY, pins([], { at: 2 }))))
  assert.ok(!isNew(() => index.endLeft([{ ...one, by: NIGHTLY, leftAt: 1 }])))
  assert.ok(isNew(() => index.endLeft([{ ...one, by: NIGHTLY, leftAt: 2 }])))
  assert.ok(isNew(() => index.pin(APP, { tag: tagOf('1') }, 'somebody', 1)))
  assert.ok(isNew(() => index.unpin(APP, { tag: tagOf('1') }, 'somebody')))
  assert.ok(isNew(() => index.pin(APP, { tag: tagOf('1') }, 'somebody', 1)))
  assert.ok(isNew(() => index.remove(APP, { tag: tagOf('1') }, [])))
})
