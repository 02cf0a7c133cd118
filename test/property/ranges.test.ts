import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRange } from '../../src/http/range.ts'
import { parseTarget } from '../../src/http/route.ts'
import { addExtent, extentBytes, extentEnd, gapAfter } from '../../src/lib/extents.ts'
import type { Extent } from '../../src/lib/extents.ts'
import { parseDigest } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/name.ts'
import { campaign, seed } from '../support/seed.ts'

const SIZE = 64
const options = { seed, numRuns: campaign(500) }
const extent = fc
  .tuple(fc.nat(SIZE), fc.nat(SIZE))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))

test('extents are what a map of single bytes says', () => {
  fc.assert(
    fc.property(fc.array(extent, { maxLength: 20 }), fc.nat(SIZE), (added, position) => {
      const bytes = Array.from({ length: SIZE + 1 }, () => false)
      let extents: readonly Extent[] = []
      for (const each of added) {
        bytes.fill(true, each.start, each.end)
        extents = addExtent(extents, each)
      }
      for (const [index, { start, end }] of extents.entries()) {
        assert.ok(start < end && start > (extents[index - 1]?.end ?? -1), 'sorted and apart')
        assert.ok(bytes.slice(start, end).every(Boolean))
      }
      assert.equal(extentBytes(extents), bytes.filter(Boolean).length)
      const missing = bytes.indexOf(false, position)
      assert.equal(extentEnd(extents, position), missing)
      const gap = gapAfter(extents, position)
      const next = bytes.indexOf(true, missing)
      assert.deepEqual(gap, { start: missing, end: next < 0 ? undefined : next })
    }),
    options,
  )
})

test('filling gap after gap makes a whole', () => {
  fc.assert(
    fc.property(fc.array(extent, { maxLength: 20 }), (added) => {
      let extents: readonly Extent[] = added.reduce<Extent[]>(addExtent, [])
      for (let gaps = 0; gapAfter(extents, 0).start < SIZE; gaps += 1) {
        const { start, end = SIZE } = gapAfter(extents, 0)
        extents = addExtent(extents, { start, end })
        assert.ok(gaps <= added.length)
      }
      assert.deepEqual(extents, [{ start: 0, end: SIZE }])
    }),
    options,
  )
})

test('windows that follow each other rebuild the blob, open and suffix ones too', () => {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: SIZE - 1 }), { maxLength: 10 })
  fc.assert(
    fc.property(fc.uint8Array({ minLength: SIZE, maxLength: SIZE }), cuts, (blob, inner) => {
      const bounds = [0, ...inner.toSorted((a, b) => a - b), SIZE]
      const specs = bounds.slice(1).map((end, index) => {
        const start = bounds[index] ?? 0
        if (end < SIZE) return `${start}-${end - 1}`
        return index % 2 === 0 ? `${start}-` : `-${end - start}`
      })
      const windows = parseRange(`bytes=${specs.join(',')}`, SIZE)
      assert.ok(typeof windows !== 'string')
      const parts = windows.map(({ start, end }) => blob.subarray(start, end))
      assert.deepEqual(Buffer.concat(parts), Buffer.from(blob))
    }),
    options,
  )
})

test('whatever a Range header says, windows lie within the blob', () => {
  const spec = fc.stringMatching(/^\d{0,6}-\d{0,20}$/)
  const header = fc.oneof(
    fc.string().map((text) => `bytes=${text}`),
    fc.array(spec).map((specs) => `bytes=${specs.join(',')}`),
  )
  fc.assert(
    fc.property(header, fc.nat(SIZE), (text, size) => {
      const ranges = parseRange(text, size)
      if (typeof ranges === 'string') return
      assert.ok(ranges.length > 0)
      for (const { start, end } of ranges) assert.ok(0 <= start && start < end && end <= size)
    }),
    { ...options, numRuns: campaign(2000) },
  )
})

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
const separator = fc.constantFrom('.', '_', '__', '-', '--')
const component = fc.oneof(
  fc.constantFrom('manifests', 'blobs', 'uploads', 'tags', 'v2'),
  fc.tuple(word, separator, word).map((parts) => parts.join('')),
  word,
)
const name = fc.array(component, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'))
const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,30}$/)
const digest = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`)

test('a target made of any valid name and reference is read back as these', () => {
  fc.assert(
    fc.property(name, fc.oneof(tag, digest), fc.boolean(), (repository, reference, encoded) => {
      assert.equal(parseRepositoryName(repository), repository)
      assert.ok(parseTag(reference) ?? parseDigest(reference))
      const text = encoded ? encodeURIComponent(reference) : reference
      const { route, prefix, query } = parseTarget(`/v2/${repository}/manifests/${text}?ns=a.b`)
      assert.deepEqual(route, { kind: 'manifest', name: repository, reference })
      assert.equal(prefix, undefined)
      assert.equal(query.ns, 'a.b')
    }),
    options,
  )
  fc.assert(
    fc.property(name, digest, (repository, reference) => {
      const { route } = parseTarget(`/v2/${repository}/blobs/${reference}`)
      assert.deepEqual(route, { kind: 'blob', name: repository, digest: reference })
    }),
    options,
  )
})

test('no target makes the parser throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      for (const target of [text, `/v2/${text}`, `/v2/a/blobs/${text}`]) parseTarget(target)
    }),
    options,
  )
})
