import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmCause, WarmStatus } from '../../../src/care/warm-job.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { Repository } from '../../../src/oci/name.ts'
import { Image } from '../../../src/warm/image.ts'
import { listPins } from '../../../src/warm/list-pins.ts'
import type { ListPinsOptions } from '../../../src/warm/list-pins.ts'
import type { Wanted } from '../../../src/warm/wanted.ts'
import { named, repositoryOf, tagOf } from '../../support/held-images.ts'

const APP = repositoryOf('app')
const LIST = '/etc/mirror.txt'

function image(
  tag: string,
  status: WarmStatus,
  more: Partial<Wanted> & { cause?: WarmCause } = {},
) {
  const { cause, ...wanted } = more
  const made = new Image({
    name: `docker.io/app:${tag}`,
    repository: APP,
    reference: { tag: tagOf(tag) },
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
    ...wanted,
  })
  made.status = status
  if (cause) made.why = { cause, because: cause, remedy: undefined }
  return made
}

function pinsOf(images: readonly Image[], more: Partial<ListPinsOptions> = {}) {
  const options = { paths: [LIST], images, lines: [], isWhole: true, at: 1, ...more }
  const [only, ...others] = listPins(options)
  assert.deepEqual(others, [])
  assert.ok(only)
  assert.equal(only.by, `list ${LIST}`)
  const text = ({ reference }: { readonly reference: { tag: string } | { digest: Digest } }) =>
    'tag' in reference ? reference.tag : reference.digest
  const { held, still, unsure, releasesOthers, at } = only.pins
  return { held: held.map(text), still: still.map(text), unsure, releasesOthers, at }
}

test('what is whole is kept; what failed, was left or passed over is meant still', () => {
  const passedOver = image('passed-over', 'stale')
  passedOver.status = undefined
  passedOver.passedOver = 'it is too large'
  const images = [
    image('fresh', 'fresh'),
    image('warmed', 'warmed'),
    image('failed', 'failed', { cause: 'unreachable' }),
    image('left', 'left', { cause: 'budget' }),
    image('too-much', 'fresh', { cause: 'budget' }),
    image('typed', 'warmed', { pinnedBy: new Map() }),
    passedOver,
  ]
  assert.deepEqual(pinsOf(images), {
    ...{ held: ['fresh', 'warmed'], still: ['failed', 'left', 'too-much', 'passed-over'] },
    ...{ unsure: [], releasesOthers: true, at: 1 },
  })
})

test('a tag with a digest beside it is kept by the digest', () => {
  assert.deepEqual(pinsOf([image('1', 'fresh', { pinned: named('it') })]).held, [named('it')])
})

test('a list that means nothing any more releases all, unless the plan was cut short', () => {
  assert.equal(pinsOf([]).releasesOthers, true)
  assert.equal(pinsOf([], { isWhole: false }).releasesOthers, false)
})

test('nothing leaves of repositories whose lines could not be told, or stand for too much', () => {
  const line = (name: string, more: object = {}) => ({
    ...{ repository: repositoryOf(name) as Repository | undefined, isUnsure: false },
    ...{ path: LIST, why: undefined, ...more },
  })
  const because = { because: '', remedy: undefined }
  const { unsure } = pinsOf([], {
    lines: [
      line('told'),
      line('gone', { why: { cause: 'not-found', ...because } }),
      line('unsure', { isUnsure: true }),
      line('many', { why: { cause: 'too-many', ...because } }),
      line('none', { repository: undefined, isUnsure: true }),
    ],
  })
  assert.deepEqual(unsure, [repositoryOf('unsure'), repositoryOf('many')])
})

test('a list with a line of which not even the repository is known releases nothing, others do', () => {
  const other = '/etc/other.txt'
  const line = { path: other, repository: undefined, isUnsure: true, why: undefined }
  const releasing = (lines: ListPinsOptions['lines']) =>
    listPins({ paths: [LIST, other], images: [], lines, isWhole: true, at: 1 }).map(
      ({ pins }) => pins.releasesOthers,
    )
  assert.deepEqual(releasing([line]), [true, false])
  // What clients used of a name with "*".
  assert.deepEqual(releasing([{ ...line, isUnsure: false }]), [true, true])
})

test('while an image did not come, nobody knows what refers to it', () => {
  const unsure = (status: WarmStatus) =>
    pinsOf([image('signed', status, { referrers: 'yes' }), image('plain', 'failed')]).unsure
  assert.deepEqual(unsure('failed'), [APP])
  assert.deepEqual(unsure('fresh'), [])
})

test('two lists that mean one image keep it each, and a list that is named twice keeps it once', () => {
  const other = '/etc/other.txt'
  const pinnedBy = new Map([
    [LIST, 7],
    [other, undefined],
  ])
  const both = image('both', 'fresh', { pinnedBy })
  const all = listPins({
    ...{ paths: [LIST, other, LIST], images: [both, image('one', 'fresh')] },
    ...{ lines: [], isWhole: true, at: 1 },
  })
  assert.deepEqual(
    all.map(({ by, pins }) => [by, ...pins.held.map(({ keepMs }) => keepMs)]),
    [
      [`list ${LIST}`, 7, 7],
      [`list ${other}`, undefined],
    ],
    'each for as long as it says itself',
  )
})
