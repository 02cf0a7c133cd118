import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImageCursor } from '../../../src/store/index-port.ts'
import { IMAGES_AT_A_TIME, WAITING_MAX } from '../../../src/store/image-victims.ts'
import { anyImage, HeldImages, named, repositoryOf, tagOf } from '../../support/held-images.ts'

const APP = repositoryOf('app')

// All steps of one search, each with what it removed.
function* steps(held: HeldImages) {
  let after: ImageCursor | undefined
  do {
    const { removed, next } = held.index.evictImage(anyImage({ after }))
    after = next
    yield { removed, next }
  } while (after)
}

test('no step looks at more than so many images, whether pinned or kept as fallbacks', async () => {
  await using held = new HeldImages()
  const images = 2 * IMAGES_AT_A_TIME + 10
  for (let n = 0; n < images; n += 1) {
    held.hold(APP, `image ${n}`, {}, 1000 + n)
    held.tag(APP, `t${n}`, `image ${n}`)
    if (n % 2 === 0) held.index.pin(APP, { tag: tagOf(`t${n}`) }, 'list.txt', 1)
    // A newer one that is not held: the tag falls back on this one.
    else held.tag(APP, `t${n}`, `newer ${n}`, 1_000_000 + n)
  }
  let reached = 0
  let searched = 0
  for (const { removed, next } of steps(held)) {
    if (removed) {
      assert.deepEqual(removed.manifests, [named('image 1')])
      break
    }
    searched += 1
    assert.ok(next)
    assert.equal(next.lastUse - (reached || 999), IMAGES_AT_A_TIME)
    assert.ok(next.waiting.length <= WAITING_MAX)
    reached = next.lastUse
  }
  assert.equal(searched, 2)
})

test('more fallbacks than are kept in mind all go, the longest unused first', async () => {
  await using held = new HeldImages()
  const images = WAITING_MAX + 20
  for (let n = 0; n < images; n += 1) {
    held.hold(APP, `image ${n}`, {}, 1000 + n)
    held.tag(APP, `t${n}`, `image ${n}`)
    held.tag(APP, `t${n}`, `newer ${n}`, 2_000_000 - n)
  }
  const gone = [...steps(held)].flatMap(({ removed }) => removed?.manifests ?? [])
  const expected = Array.from({ length: images }, (_, n) => named(`image ${images - 1 - n}`))
  assert.deepEqual(gone, expected)
})

test('a fallback that was used after it was passed is spared', async () => {
  await using held = new HeldImages()
  for (const [name, at] of [
    ['one', 1000],
    ['two', 2000],
  ] as const) {
    held.hold(APP, name, {}, at)
    held.tag(APP, name, name)
    held.tag(APP, name, `newer ${name}`, at + 1_000_000)
  }
  held.hold(APP, 'plain', {}, 1500)
  const search = steps(held)
  assert.deepEqual(search.next().value?.removed?.manifests, [named('plain')])
  held.index.recordUses([[named('one'), 5_000_000]])
  const left = [...search].flatMap(({ removed }) => removed?.manifests ?? [])
  assert.deepEqual(left, [named('two'), named('one')])
})
