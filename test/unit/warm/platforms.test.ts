import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Descriptor } from '../../../src/oci/manifest.ts'
import {
  chooseChildren,
  lackingPlatforms,
  samePlatform,
  unitePlatforms,
} from '../../../src/warm/platforms.ts'

let made = 0

function child(platform: string | undefined): Descriptor {
  made += 1
  const digest = digestOf(Buffer.from(`${made}`))
  return {
    digest,
    sizeBytes: 500,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    platform,
  }
}

function chosen(platforms: readonly (string | undefined)[], wanted: readonly string[]): number[] {
  const children = platforms.map(child)
  return chooseChildren(children, wanted).children.map((each) => children.indexOf(each))
}

test('of each wanted platform it is the first entry, as clients take it', () => {
  const index = ['linux/amd64', 'linux/amd64', 'linux/arm64', 'linux/s390x']
  assert.deepEqual(chosen(index, ['linux/amd64']), [0])
  assert.deepEqual(chosen(index, ['linux/arm64', 'linux/amd64']), [0, 2])
  assert.deepEqual(chosen(index, ['linux/ppc64le']), [])
})

test('arm64 is arm64/v8 and arm is arm/v7, whoever leaves the variant out', () => {
  assert.deepEqual(chosen(['linux/arm64/v8', 'linux/arm64'], ['linux/arm64']), [0])
  assert.deepEqual(chosen(['linux/arm64'], ['linux/arm64/v8']), [0])
  assert.deepEqual(chosen(['linux/arm/v6', 'linux/arm/v7'], ['linux/arm']), [1])
  assert.deepEqual(chosen(['linux/arm'], ['linux/arm/v7']), [0])
  assert.deepEqual(chosen(['linux/amd64/v1', 'linux/amd64'], ['linux/amd64']), [0])
  assert.deepEqual(chosen(['linux/amd64'], ['linux/amd64/v1']), [0])
  assert.ok(!samePlatform('linux/amd64', 'linux/amd64/v3'))
})

test('where there is none of a platform its best lower variant is taken, and never a higher one', () => {
  const index = ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v6', 'linux/arm/v8', 'linux/386']
  assert.deepEqual(chosen(index, ['linux/arm/v7']), [1])
  assert.deepEqual(chosen(index, ['linux/arm/v5']), [0])
  assert.deepEqual(chosen([...index, 'linux/arm'], ['linux/arm/v7', 'linux/arm/v6']), [1, 5])
  assert.deepEqual(chosen(index, ['linux/amd64']), [])
  assert.deepEqual(chosen(['linux/amd64/v3', 'linux/amd64'], ['linux/amd64/v2']), [1])
  assert.deepEqual(lackingPlatforms(['linux/arm/v7', 'linux/amd64'], index), ['linux/amd64'])
  assert.deepEqual(lackingPlatforms(['linux/arm/v6'], ['linux/arm']), ['linux/arm/v6'])
})

test('of Windows it is every entry, each being for another version', () => {
  const index = ['linux/amd64', 'windows/amd64', 'windows/amd64', 'windows/arm64']
  assert.deepEqual(chosen(index, ['windows/amd64']), [1, 2])
})

test('an entry without a platform is wanted always, an attestation never', () => {
  const index = [undefined, 'unknown/unknown', 'linux/amd64', undefined, 'unknown/unknown']
  assert.deepEqual(chosen(index, ['linux/amd64']), [0, 2, 3])
  assert.deepEqual(chosen(index, ['all']), [0, 2, 3])
  assert.deepEqual(chooseChildren(index.map(child), ['all']).named, ['linux/amd64'])
})

test('all is every entry, the same platform twice too', () => {
  assert.deepEqual(chosen(['linux/amd64', 'linux/amd64', 'windows/amd64'], ['all']), [0, 1, 2])
})

test('what an image lacks is told as it was asked for', () => {
  const named = ['linux/arm64', 'linux/amd64']
  assert.deepEqual(lackingPlatforms(['linux/arm64/v8', 'linux/s390x'], named), ['linux/s390x'])
  assert.deepEqual(lackingPlatforms(['all'], named), [])
})

const platform = fc.constantFrom(
  ...['linux/amd64', 'linux/amd64/v2', 'linux/arm64', 'linux/arm64/v8'],
  ...['linux/arm', 'linux/arm/v7', 'linux/arm/v6', 'all'],
)

test('two lines together want what each of them wants, and nothing twice', () => {
  const some = fc.array(platform, { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(some, some, (one, other) => {
      const both = unitePlatforms(one, other)
      const has = (each: string) => both.some((of) => of === 'all' || samePlatform(of, each))
      assert.ok([...one, ...other].every(has))
      const index = ['linux/amd64', 'linux/arm64/v8', 'linux/arm/v5', 'linux/arm/v7']
      assert.deepEqual(
        chosen(index, both),
        [...new Set([...chosen(index, one), ...chosen(index, other)])].toSorted((a, b) => a - b),
      )
      assert.equal(both.length, new Set(both.map((each) => unitePlatforms([each], [])[0])).size)
    }),
  )
})
