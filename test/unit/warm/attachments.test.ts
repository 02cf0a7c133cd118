import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseDigest } from '../../../src/oci/digest.ts'
import type { ReferrerDescriptor } from '../../../src/oci/referrers.ts'
import { artifact, contentOf, EMPTY_CONFIG, indexOf } from '../../support/artifacts.ts'
import type { Descriptor, Image } from '../../support/images.ts'
import { campaign, seed } from '../../support/seed.ts'
import { WarmDouble } from '../../support/warm-double.ts'

const REPOSITORY = 'docker.io/library/app'
const TYPES = ['application/vnd.example.one', 'application/vnd.example.two']
const KINDS = ['.sig', '.att', '.sbom']

// How many refer to a manifest by the API, and under which of cosign's tags; and to these in turn.
interface Referred {
  readonly types: readonly string[]
  readonly kinds: readonly string[]
  readonly deeper: number
}

const referred: fc.Arbitrary<Referred> = fc.record({
  types: fc.array(fc.constantFrom(...TYPES), { maxLength: 6 }),
  kinds: fc.subarray(KINDS),
  deeper: fc.nat(2),
})
const wanted = fc.constantFrom('yes', TYPES.join(','), TYPES[0])

let made = 0

function manifest(more: object = {}): Image {
  made += 1
  const annotations = { made: `${made}` }
  const contents = [contentOf(Buffer.from('{}'))]
  return artifact({ config: EMPTY_CONFIG, layers: [], annotations, ...more }, { contents })
}

function add(double: WarmDouble, image: Image): void {
  double.add(REPOSITORY, `made-${made}`, image)
  double.forget(REPOSITORY, `made-${made}`)
}

function refer(double: WarmDouble, subject: Descriptor, types: readonly string[]): Image[] {
  const images = types.map((artifactType) => manifest({ artifactType, subject }))
  for (const image of images) add(double, image)
  double.referring.set(
    subject.digest,
    images.map(({ top }, n) => described(top, types[n])),
  )
  return images
}

function described(top: Descriptor, artifactType = ''): ReferrerDescriptor {
  const digest = parseDigest(top.digest)
  assert.ok(digest)
  return { ...top, digest, artifactType }
}

function put(double: WarmDouble, tag: string, referring: readonly Referred[]): void {
  const platforms = ['amd64', 'arm64'].map((architecture) => {
    const child = manifest()
    add(double, child)
    return { ...child.top, platform: { os: 'linux', architecture } }
  })
  const index = indexOf(platforms, { annotations: { tag } })
  double.add(REPOSITORY, tag, index)
  referring.forEach(({ types, kinds, deeper }, n) => {
    const subject = [index.top, ...platforms][n]
    if (!subject) return
    for (const { top } of refer(double, subject, types)) {
      refer(double, top, TYPES.slice(0, deeper))
    }
    for (const kind of kinds) {
      double.add(REPOSITORY, subject.digest.replace(':', '-') + kind, manifest())
    }
  })
}

function priceOf(double: WarmDouble): number {
  const row = double.rows.findLast(({ kind }) => kind === 'price')
  assert.ok(row?.kind === 'price')
  return row.price.registries[0]?.plannedPulls ?? 0
}

test('where pulls are counted no run takes more than its price, and a few bring everything', async () => {
  const images = fc.array(fc.array(referred, { maxLength: 3 }), { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(images, wanted, async (all, referrers) => {
      const double = new WarmDouble()
      double.tell('docker.io', 5000, 4000)
      all.forEach((referring, n) => put(double, `${n}`, referring))
      const list = all.map((_, n) => `app:${n} referrers=${referrers}`)
      const statuses: string[] = []
      for (let run = 0; run < 6; run += 1) {
        const before = double.count('GET')
        const { outcome, results } = await double.run(list, { platforms: ['linux/amd64'] })
        assert.ok(double.count('GET') - before <= priceOf(double))
        statuses.push(outcome)
        const names = results.map(({ reference }) => reference)
        assert.equal(new Set(names).size, names.length)
        if (outcome === 'done') break
      }
      assert.equal(statuses.at(-1), 'done')
      const before = double.count('GET')
      const { totals } = await double.run(list, { platforms: ['linux/amd64'] })
      assert.equal(totals.fresh, totals.references)
      assert.deepEqual([double.count('GET') - before, priceOf(double)], [0, 0])
    }),
    { seed, numRuns: campaign(60) },
  )
})

test('a plan that asks what refers to what is held sends no GET', async () => {
  const double = new WarmDouble()
  put(double, '1', [{ types: TYPES, kinds: KINDS, deeper: 1 }])
  await double.run(['app:1'])
  const before = double.count('GET')
  const { results } = await double.run(['app:1 referrers=yes'], { mode: 'plan' })
  assert.equal(double.count('GET'), before)
  assert.equal(results.filter(({ status }) => status === 'stale').length, 5)
})

test('what is explained asks nothing of what refers to it', async () => {
  const double = new WarmDouble()
  put(double, '1', [{ types: TYPES, kinds: KINDS, deeper: 0 }])
  await double.run(['app:1 referrers=yes'])
  const before = double.count('LIST')
  const { results } = await double.run(['app:1 referrers=yes'], { mode: 'explain' })
  assert.equal(double.count('LIST'), before)
  assert.equal(results.length, 1)
})
