// How much lists keep, name by name: what is replaced, what has left, and what did not come after all.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LeftPin } from '../../../src/store/index-port.ts'
import type { ListedPin } from '../../../src/store/reader-port.ts'
import { PinBudget } from '../../../src/warm/budget.ts'
import type { RunContext } from '../../../src/warm/context.ts'
import { Image } from '../../../src/warm/image.ts'
import { KeptNames } from '../../../src/warm/kept-names.ts'
import type { KeptBy } from '../../../src/warm/list-pins.ts'
import { named, repositoryOf, tagOf } from '../../support/held-images.ts'

const APP = repositoryOf('app')
const LIST = '/etc/mirror.txt'
const BLOCK = 4096
const none = (): boolean => false

function name(tag: string) {
  return { repository: APP, reference: { tag: tagOf(tag) } }
}

// Of one block for each content.
function pin(tag: string, contents: readonly string[], more: Partial<ListedPin> = {}): ListedPin {
  const content = contents.map((each) => [named(each), BLOCK] as const)
  return { ...name(tag), by: `list ${LIST}`, content, keepMs: 7, leftAt: undefined, ...more }
}

function content(...contents: readonly string[]) {
  return new Map(contents.map((each) => [named(each), BLOCK]))
}

function tags(pins: readonly LeftPin[]): string[] {
  return pins.map(({ reference }) => ('tag' in reference ? reference.tag : reference.digest))
}

test('content counts once however many names keep it, and as long as one of them does', () => {
  const names = new KeptNames([pin('1', ['base', 'one']), pin('2', ['base', 'two'])], [])
  assert.equal(names.bytes, 3 * BLOCK)
  assert.equal(names.take(name('1'), content('base', 'newer', 'more'), 'instead'), BLOCK)
  assert.equal(names.take(name('2'), content('other'), 'instead'), 0)
  names.giveBack(name('1'))
  assert.equal(names.bytes, 3 * BLOCK)
  assert.equal(names.take(name('1'), content('beside'), 'beside'), BLOCK)
  names.giveBack(name('1'))
  names.giveBack(name('2'))
  assert.equal(names.bytes, 3 * BLOCK)
})

test('a name that two lists keep counts once', () => {
  const names = new KeptNames([pin('1', ['one']), pin('1', ['one'], { by: 'list /other' })], [])
  names.take(name('1'), content(), 'instead')
  assert.equal(names.bytes, 0)
})

test('the longest gone make way, as many as are needed, and never what is kept for good', () => {
  const names = new KeptNames(
    [
      pin('last', ['last'], { leftAt: 30 }),
      pin('first', ['first'], { leftAt: 10 }),
      pin('second', ['second', 'meant'], { leftAt: 20 }),
      pin('for-good', ['for good'], { leftAt: 1, keepMs: undefined }),
      pin('meant', ['meant']),
    ],
    [],
  )
  assert.equal(names.bytes, 2 * BLOCK)
  assert.deepEqual(tags(names.makeWay(5 * BLOCK, none)), [])
  assert.deepEqual(tags(names.makeWay(4 * BLOCK, none)), ['first'])
  assert.deepEqual(tags(names.makeWay(2 * BLOCK, none)), ['last', 'second'])
  assert.deepEqual(tags(names.makeWay(0, none)), [])
})

test('what the run means has not left, what it means no more has, where that is known', () => {
  const pins = { held: [], still: [name('back')], unsure: [], releasesOthers: true, at: 50 }
  const all = [pin('back', ['back'], { leftAt: 10 }), pin('gone', ['gone'])]
  const leaving = (more: Partial<KeptBy['pins']>): string[] => {
    const names = new KeptNames(all, [{ by: `list ${LIST}`, pins: { ...pins, ...more } }])
    return tags(names.makeWay(0, none))
  }
  assert.deepEqual(leaving({}), ['gone'])
  assert.deepEqual(leaving({ releasesOthers: false }), [])
  assert.deepEqual(leaving({ unsure: [APP] }), [])
})

test('what the run replaces stays until that has come, and what left earlier goes for it', () => {
  const pins = { held: [], still: [name('new')], unsure: [], releasesOthers: true, at: 50 }
  const before = [
    pin('earlier', ['earlier'], { leftAt: 10 }),
    pin('noted', ['noted'], { leftAt: 50 }),
    pin('old', ['old']),
  ]
  const names = new KeptNames(before, [{ by: `list ${LIST}`, pins }])
  names.take(name('new'), content('new', 'more'), 'instead')
  const isAwaited = ({ name: repository }: typeof APP): boolean => repository === APP.name
  assert.deepEqual(tags(names.makeWay(5 * BLOCK, isAwaited)), [])
  assert.deepEqual(tags(names.makeWay(2 * BLOCK, isAwaited)), ['earlier'])
  assert.deepEqual(tags(names.makeWay(2 * BLOCK, none)), ['noted', 'old'])
})

function image(tag: string, blocks: number): Image {
  const made = new Image({
    name: `docker.io/app:${tag}`,
    ...name(tag),
    pinned: undefined,
    platforms: ['linux/amd64'],
    places: [],
    isOptional: false,
    isOnlyUsed: false,
    every: 'always',
    priority: 'normal',
    referrers: 'no',
    maxSizeBytes: undefined,
    pinnedBy: new Map([[LIST, 7]]),
  })
  const blob = { digest: named(tag), sizeBytes: blocks * BLOCK, mediaType: 'x' }
  made.digest = named(`manifest of ${tag}`)
  made.status = 'stale'
  made.holding = { blobs: [blob], missingManifests: [] } as never
  return made
}

function budgetOf(blocks: number, isKnown = (_: number): boolean => true) {
  let looks = 0
  const context = {
    mirror: {
      pinnable: () => {
        looks += 1
        if (!isKnown(looks)) return Promise.resolve(undefined)
        return Promise.resolve({ maxBytes: blocks * BLOCK, share: '', remedy: '', kept: [] })
      },
    },
    board: { ended: () => {} },
  } as never as RunContext
  const endLeft = (): Promise<void> => Promise.resolve()
  const budget = new PinBudget(context, { releases: () => [], awaited: () => [], endLeft })
  return { budget, looks: () => looks }
}

test('what failed or was left after all leaves its share to those behind it', async () => {
  const { budget, looks } = budgetOf(10)
  const [first, second, third] = [image('first', 6), image('second', 6), image('third', 6)]
  await budget.leaveTooMuch([first])
  first.status = 'failed'
  await budget.leaveTooMuch([second])
  assert.equal(second.status, 'stale')
  second.status = 'left'
  await budget.leaveTooMuch([third, image('fourth', 4)])
  assert.equal(third.status, 'stale')
  const fifth = image('fifth', 1)
  await budget.leaveTooMuch([third, fifth])
  assert.equal(fifth.why?.cause, 'budget')
  assert.equal(looks(), 1, 'what is kept is looked up once')
})

test('where the look at what is kept fails the next one looks again, and counts what came meanwhile', async () => {
  const { budget, looks } = budgetOf(10, (look) => look > 1)
  const [first, second] = [image('first', 6), image('second', 6)]
  await budget.leaveTooMuch([first])
  await budget.leaveTooMuch([second])
  assert.equal(first.status, 'stale')
  assert.equal(second.why?.cause, 'budget')
  assert.equal(looks(), 2)
})

test('layers that are never stored take nothing of what lists may keep', async () => {
  const { budget } = budgetOf(10)
  const foreign = image('foreign', 11)
  const mediaType = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
  const blobs = foreign.holding?.blobs.map((blob) => ({ ...blob, mediaType })) ?? []
  foreign.holding = { blobs, missingManifests: [] } as never
  await budget.leaveTooMuch([foreign])
  assert.equal(foreign.status, 'stale')
})
