import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../../../src/oci/digest.ts'
import { blobOrder } from '../../../src/warm/blob-order.ts'

const BLOBS = Array.from({ length: 8 }, (_, n) => ({
  digest: digestOf(Buffer.from(`${n}`)),
  sizeBytes: 10 ** n,
}))

// Two names of one manifest have the same blobs.
const MANIFESTS = ['one', 'two', 'three', 'four'].map((name) => digestOf(Buffer.from(name)))
const named = fc
  .record({
    blobs: fc.tuple(...MANIFESTS.map(() => fc.subarray(BLOBS))),
    names: fc.array(fc.record({ which: fc.nat(MANIFESTS.length - 1), isFirst: fc.boolean() }), {
      maxLength: 8,
    }),
  })
  .map(({ blobs, names }) =>
    names.map(({ which, isFirst }) => ({
      blobs: blobs[which] ?? [],
      manifest: MANIFESTS[which],
      isFirst,
    })),
  )

const bytesOf = (blobs: readonly { sizeBytes: number }[]) =>
  blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)

test('what several images share comes first, the most shared of it before the rest', () => {
  fc.assert(
    fc.property(named, (all) => {
      const { shared } = blobOrder(all)
      const uses = (blob: (typeof BLOBS)[number]) =>
        new Set(all.flatMap(({ blobs, manifest }) => (blobs.includes(blob) ? manifest : []))).size
      assert.deepEqual(
        new Set(shared.map(({ blob }) => blob)),
        new Set(BLOBS.filter((blob) => uses(blob) > 1)),
      )
      const counts = shared.map(({ blob }) => uses(blob))
      assert.deepEqual(
        counts,
        counts.toSorted((one, other) => other - one),
      )
      for (const { blob, first } of shared) assert.ok(first.blobs.includes(blob))
    }),
  )
})

test('then it is image by image: what was left before, then the smaller', () => {
  fc.assert(
    fc.property(named, (all) => {
      const { images: ordered } = blobOrder(all)
      assert.deepEqual(new Set(ordered), new Set(all))
      assert.equal(ordered.length, all.length)
      const firsts = ordered.findIndex(({ isFirst }) => !isFirst)
      const parts = firsts < 0 ? [ordered, []] : [ordered.slice(0, firsts), ordered.slice(firsts)]
      assert.ok(parts[1]?.every(({ isFirst }) => !isFirst))
      for (const part of parts) {
        const sizes = part.map(({ blobs }) => bytesOf(blobs))
        assert.deepEqual(
          sizes,
          sizes.toSorted((one, other) => one - other),
        )
      }
    }),
  )
})
