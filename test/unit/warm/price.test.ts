import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WarmOutcome } from '../../../src/care/warm-job.ts'
import { pullsOf } from '../../../src/warm/price.ts'
import { sha256 } from '../../support/content.ts'
import type { Image } from '../../support/images.ts'
import { WarmDouble } from '../../support/warm-double.ts'

const INDEX = 'application/vnd.oci.image.index.v1+json'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

type Nested = readonly (string | undefined | Nested)[]

function put(manifests: Map<string, { mediaType: string; bytes: Buffer }>, body: object) {
  const { mediaType } = body as { mediaType: string }
  const bytes = Buffer.from(JSON.stringify(body))
  const digest = sha256(bytes)
  manifests.set(digest, { mediaType, bytes })
  return { mediaType, digest, size: bytes.length }
}

// An index with an entry for each, one below the other where they are nested; no blobs.
function indexOf(entries: Nested, seed: string): Image {
  const manifests = new Map<string, { mediaType: string; bytes: Buffer }>()
  const build = (
    all: Nested,
    path: string,
  ): { mediaType: string; digest: string; size: number } => {
    const listed = all.map((entry, n) => {
      if (typeof entry === 'object') return build(entry, `${path}/${n}`)
      const config = { mediaType: 'text/plain', digest: sha256(Buffer.from('{}')), size: 2 }
      const annotations = { seed: `${path}/${n}` }
      const child = put(manifests, { mediaType: MANIFEST, config, layers: [], annotations })
      if (entry === undefined) return child
      const [os, architecture, variant] = entry.split('/')
      return { ...child, platform: { os, architecture, variant } }
    })
    const annotations = { seed: path }
    return put(manifests, { mediaType: INDEX, manifests: listed, annotations })
  }
  const top = build(entries, seed)
  const blobs = new Map([[sha256(Buffer.from('{}')), { size: 2 }]]) as unknown as Image['blobs']
  return { top, platforms: [], manifests, blobs }
}

async function priceAndCost(
  double: WarmDouble,
  list: readonly string[],
  platforms: readonly string[],
  jobs = 4,
): Promise<{ price: number; cost: number; outcome: WarmOutcome }> {
  double.rows.length = 0
  const before = double.count('GET')
  const { registries, totals, results, outcome } = await double.run(list, { platforms, jobs })
  const price = double.rows.find((row) => row.kind === 'price')
  assert.ok(price)
  const [hub] = price.price.registries
  assert.equal(totals.failed, 0, JSON.stringify(results))
  const cost = double.count('GET') - before
  assert.equal(registries[0]?.pulls ?? 0, cost)
  return { price: hub?.plannedPulls ?? 0, cost, outcome }
}

const PLATFORMS = ['linux/amd64', 'linux/arm64', 'linux/s390x', 'linux/arm/v7']
const wantedPlatforms = fc.subarray(PLATFORMS, { minLength: 1 })

test('the price of plain images for several platforms is what they cost', async () => {
  const image = fc.constantFrom('one', 'two', 'three')
  await fc.assert(
    fc.asyncProperty(wantedPlatforms, fc.array(image, { minLength: 1 }), async (wanted, names) => {
      const double = new WarmDouble()
      for (const name of names) {
        const more = ['linux/ppc64le', 'unknown/unknown']
        double.add(`docker.io/library/${name}`, '1', indexOf([...PLATFORMS, ...more], name))
      }
      const list = names.map((name) => `${name}:1`)
      const first = await priceAndCost(double, list, wanted)
      assert.equal(first.price, first.cost)
      assert.equal(first.cost, new Set(names).size * (1 + wanted.length))
      // What is held of an index tells exactly what more platforms cost.
      const more = await priceAndCost(double, list, PLATFORMS)
      assert.equal(more.price, more.cost)
      assert.equal(more.cost, new Set(names).size * (PLATFORMS.length - wanted.length))
    }),
    { numRuns: 30 },
  )
})

test('the price is never below the cost, whichever platforms an index has or lacks', async () => {
  const entry = fc.constantFrom(...PLATFORMS, 'windows/amd64', 'unknown/unknown')
  const wanted = fc.oneof(
    wantedPlatforms,
    fc.constantFrom(['all'], ['linux/amd64', 'windows/amd64']),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 8 }), wanted, async (entries, platforms) => {
      const double = new WarmDouble()
      double.add('docker.io/library/app', '1', indexOf([...PLATFORMS, ...entries], 'app'))
      const { price, cost } = await priceAndCost(double, ['app:1'], platforms)
      assert.ok(price >= cost, `${price} < ${cost}`)
    }),
    { numRuns: 50 },
  )
})

test('an index of indexes is fetched with all that it lists for the platform', async () => {
  const double = new WarmDouble()
  const nested = indexOf(['linux/amd64', ['linux/arm64', undefined, ['linux/arm64']]], 'nested')
  double.add('docker.io/library/app', '1', nested)
  const { cost } = await priceAndCost(double, ['app:1'], ['linux/arm64'])
  assert.equal(cost, 1 + 1 + 2 + 1 + 1)
})

// What no HEAD tells: entries that name no platform, indexes in indexes.
const opaque = fc.letrec<{ entry: Nested[number]; nested: Nested }>((tie) => ({
  entry: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(...PLATFORMS, 'windows/amd64', 'unknown/unknown', undefined),
    tie('nested'),
  ),
  nested: fc.array(tie('entry'), { minLength: 1, maxLength: 4 }),
})).nested

test('where pulls are counted no run takes more than its price, and some runs later all is here', async () => {
  const wanted = fc.oneof(
    wantedPlatforms,
    fc.constantFrom(['all'], ['linux/amd64', 'windows/amd64']),
  )
  const lists = fc.array(opaque, { minLength: 1, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(lists, wanted, fc.constantFrom(1, 4), async (indexes, platforms, jobs) => {
      const double = new WarmDouble()
      double.tell('docker.io', 1_000_000, 500_000)
      indexes.forEach((entries, n) => {
        double.add(`docker.io/library/app`, `${n}`, indexOf([...PLATFORMS, ...entries], `${n}`))
        double.add(
          `docker.io/library/app`,
          `also-${n}`,
          indexOf([...PLATFORMS, ...entries], `${n}`),
        )
      })
      const list = indexes.flatMap((_, n) => [`app:${n}`, `app:also-${n}`])
      for (let runs = 1; ; runs += 1) {
        const { price, cost, outcome } = await priceAndCost(double, list, platforms, jobs)
        assert.ok(price >= cost, `${price} < ${cost}`)
        if (outcome === 'done') break
        assert.equal(outcome, 'left')
        assert.ok(cost > 0 && runs < 10, `${runs} runs`)
      }
    }),
    { numRuns: 50 },
  )
})

test('an index that lists more than its price could tell is left, and the next run goes on', async () => {
  const double = new WarmDouble()
  double.tell('docker.io', 100, 80)
  double.add('docker.io/library/app', '1', indexOf(['linux/amd64', undefined, undefined], 'more'))
  const first = await priceAndCost(double, ['app:1'], ['linux/amd64'])
  assert.deepEqual(first, { price: 2, cost: 1, outcome: 'left' })
  const second = await priceAndCost(double, ['app:1'], ['linux/amd64'])
  assert.deepEqual(second, { price: 3, cost: 3, outcome: 'done' })
})

test('a tag that moves behind the plan costs what was planned for it', async () => {
  const double = new WarmDouble()
  double.tell('docker.io', 100, 80)
  const [before, after] = [indexOf(PLATFORMS, 'before'), indexOf(PLATFORMS, 'after')]
  double.add('docker.io/library/app', '1', before)
  double.script = ({ what }) => {
    if (what !== 'GET') return
    double.remove('docker.io/library/app', before.top.digest)
    double.add('docker.io/library/app', '1', after)
  }
  const report = await double.run(['app:1'], { platforms: ['linux/arm64'] })
  assert.equal(report.totals.warmed, 1)
  assert.equal(report.results[0]?.digest, after.top.digest)
})

test('digests alone have a price too', async () => {
  const double = new WarmDouble()
  const image = indexOf(PLATFORMS, 'app')
  double.add('docker.io/library/app', '1', image)
  const { price, cost } = await priceAndCost(double, [`app@${image.top.digest}`], ['linux/arm64'])
  assert.deepEqual([price, cost], [2, 2])
})

test('what one index may list at most is told by its size, where all of it is wanted', () => {
  const manifest = { isIndex: true, sizeBytes: 3000 }
  assert.equal(pullsOf({ manifest, platforms: ['all'] }), 1 + 20)
  assert.equal(pullsOf({ manifest, platforms: ['linux/amd64', 'linux/arm64'] }), 3)
  const image = { isIndex: false, sizeBytes: 3000 }
  assert.equal(pullsOf({ manifest: image, platforms: ['all'] }), 1)
})
