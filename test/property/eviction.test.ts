import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Digest } from '../../src/oci/digest.ts'
import type { Removed } from '../../src/store/index-port.ts'
import { BLOB_BYTES, HeldImages, named, repositoryOf, tagOf } from '../support/held-images.ts'
import { campaign, seed } from '../support/seed.ts'

// Few names, so that images share layers and platforms, and tags move to and fro.
const REPOSITORIES = ['one', 'two'].map(repositoryOf)
const LAYERS = ['a', 'b', 'c', 'd', 'e', 'f']
const IMAGES = ['i1', 'i2', 'i3', 'i4', 'i5']
const INDEXES = ['x1', 'x2']

const repositories = fc.constantFrom(...REPOSITORIES)
const layers = fc.uniqueArray(fc.constantFrom(...LAYERS), { maxLength: 4 })
const anyDigest = fc.constantFrom(...IMAGES, ...INDEXES)
const times = fc.integer({ min: 1, max: 20 }).map((hours) => hours * 3_600_000)
const inUse = fc.uniqueArray(fc.constantFrom(...LAYERS), { maxLength: 2 })

const steps = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('hold' as const),
      repository: repositories,
      name: fc.constantFrom(...IMAGES),
      layers,
      time: times,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('index' as const),
      repository: repositories,
      name: fc.constantFrom(...INDEXES),
      children: fc.uniqueArray(fc.constantFrom(...IMAGES), { maxLength: 3 }),
      time: times,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('tag' as const),
      repository: repositories,
      tag: fc.constantFrom('t1', 't2'),
      name: anyDigest,
      time: times,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('pin' as const),
      repository: repositories,
      tag: fc.constantFrom('t1', 't2'),
      isOn: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('use' as const), name: anyDigest, time: times }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('lose' as const), layer: fc.constantFrom(...LAYERS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('store' as const), layer: fc.constantFrom(...LAYERS) }),
  },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('evict' as const), inUse, spares: inUse }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('remove' as const),
      repository: repositories,
      tag: fc.constantFrom('t1', 't2'),
      inUse,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('orphans' as const), inUse }) },
)
type Step = typeof steps extends fc.Arbitrary<infer Value> ? Value : never

// What is held, as sets that are walked whole each time.
class SlowModel {
  readonly manifests = new Map<string, readonly string[]>()
  readonly blobs = new Set<string>()
  readonly held: HeldImages
  #pins = new Set<string>()

  constructor(held: HeldImages) {
    this.held = held
  }

  pin(repository: (typeof REPOSITORIES)[number], tag: string, isOn: boolean): void {
    const key = `${repository.name}:${tag}`
    if (isOn) {
      this.#pins.add(key)
      this.held.index.pin(repository, { tag: tagOf(tag) }, 'list', 1)
    } else {
      this.#pins.delete(key)
      this.held.index.unpin(repository, { tag: tagOf(tag) }, 'list')
    }
  }

  below(names: Iterable<string>): Set<string> {
    const found = new Set(names)
    for (const name of found) for (const child of this.manifests.get(name) ?? []) found.add(child)
    return found
  }

  get pinned(): Set<string> {
    const names = [...IMAGES, ...INDEXES]
    const roots = [...this.#pins].flatMap((key) => {
      const [name = '', tag = ''] = key.split(':')
      const row = this.held.index.findTag(repositoryOf(name), tagOf(tag))
      return names.filter((each) => [row?.digest, row?.completeDigest].includes(named(each)))
    })
    return this.below(roots)
  }

  forget(removed: Removed): void {
    const gone = new Set<Digest>([
      ...removed.manifests,
      ...removed.blobs.map(({ digest }) => digest),
    ])
    for (const name of this.manifests.keys()) if (gone.has(named(name))) this.manifests.delete(name)
    for (const name of this.blobs) if (gone.has(named(name))) this.blobs.delete(name)
  }

  // Of what was removed: nothing that is still needed, and everything that no longer is.
  check(removed: Removed, wasPinned: ReadonlySet<string>, inUse: readonly string[]): void {
    const blobsOfGone = new Set(
      [...this.manifests]
        .filter(([name]) => removed.manifests.includes(named(name)))
        .flatMap(([, below]) => below),
    )
    const before = new Set(this.blobs)
    const goneManifests = [...this.manifests.keys()].filter((name) =>
      removed.manifests.includes(named(name)),
    )
    this.forget(removed)
    for (const below of this.manifests.values()) {
      for (const name of goneManifests) assert.ok(!below.includes(name), `${name} is listed`)
    }
    const needed = this.below(this.manifests.keys())
    for (const name of before) {
      const isGone = !this.blobs.has(name)
      if (needed.has(name) || inUse.includes(name)) assert.ok(!isGone, `${name} is needed`)
      else if (blobsOfGone.has(name)) assert.ok(isGone, `${name} is needed by nobody`)
    }
    for (const name of wasPinned) {
      if (before.has(name)) assert.ok(this.blobs.has(name), `${name} was pinned`)
    }
  }

  checkHeld(): void {
    const { index } = this.held
    for (const name of [...IMAGES, ...INDEXES]) {
      assert.equal(index.findManifest(named(name)) !== undefined, this.manifests.has(name), name)
    }
    for (const name of LAYERS) {
      assert.equal(index.findBlob(named(name)) !== undefined, this.blobs.has(name), name)
    }
    const { blobs, blobBytes } = index.usage()
    assert.deepEqual(
      { blobs, blobBytes },
      { blobs: this.blobs.size, blobBytes: this.blobs.size * 8192 },
    )
    for (const repository of REPOSITORIES) {
      for (const tag of index.knownTags(repository)) {
        const { completeDigest } = index.findTag(repository, tag) ?? {}
        if (completeDigest) assert.ok(index.findContent(repository, completeDigest))
      }
    }
  }
}

function run(model: SlowModel, step: Step): void {
  const { held } = model
  switch (step.op) {
    case 'hold':
      held.hold(step.repository, step.name, { blobs: step.layers }, step.time)
      if (!model.manifests.has(step.name)) model.manifests.set(step.name, step.layers)
      for (const layer of step.layers) model.blobs.add(layer)
      return
    case 'index':
      held.hold(step.repository, step.name, { children: step.children }, step.time)
      if (!model.manifests.has(step.name)) model.manifests.set(step.name, step.children)
      return
    case 'tag':
      return held.tag(step.repository, step.tag, step.name, step.time)
    case 'pin':
      return model.pin(step.repository, step.tag, step.isOn)
    case 'use':
      return held.index.recordUses([[named(step.name), step.time]])
    case 'lose':
      held.index.forgetBlob(named(step.layer))
      model.blobs.delete(step.layer)
      return
    case 'store':
      held.store(step.layer, 1)
      model.blobs.add(step.layer)
      return
    case 'evict': {
      const { pinned } = model
      const ask = { inUse: step.inUse.map(named), spares: step.spares.map(named) }
      const removed = held.evictImage(ask)
      if (!removed) {
        const roots = [...model.manifests.keys()].filter(
          (name) => ![...model.manifests.values()].some((below) => below.includes(name)),
        )
        const mayGo = roots.filter((name) => {
          const below = model.below([name])
          return !pinned.has(name) && !step.spares.some((each) => below.has(each))
        })
        assert.deepEqual(mayGo, [], 'one may go')
        return
      }
      for (const name of pinned)
        assert.ok(!removed.manifests.includes(named(name)), `${name} is pinned`)
      const going = [...model.manifests.keys()].filter((name) =>
        removed.manifests.includes(named(name)),
      )
      const below = model.below(going)
      for (const name of step.spares) assert.ok(!below.has(name), `${name} is being downloaded`)
      model.check(removed, pinned, step.inUse)
      return
    }
    case 'remove': {
      const row = held.index.findTag(step.repository, tagOf(step.tag))
      const removed = held.index.remove(
        step.repository,
        { tag: tagOf(step.tag) },
        step.inUse.map(named),
      )
      assert.equal(removed === undefined, row === undefined)
      if (removed) model.check(removed, new Set(), step.inUse)
      return
    }
    case 'orphans': {
      const needed = model.below(model.manifests.keys())
      const ask = { after: 0, scan: 100, before: Number.MAX_SAFE_INTEGER, enoughBytes: Infinity }
      const { removed } = held.index.evictOrphans({ ...ask, inUse: step.inUse.map(named) })
      const free = [...model.blobs].filter(
        (name) => !needed.has(name) && !step.inUse.includes(name),
      )
      assert.deepEqual(
        removed.blobs.map(({ digest }) => digest).toSorted(),
        free.map(named).toSorted(),
      )
      for (const { sizeBytes } of removed.blobs) assert.equal(sizeBytes, BLOB_BYTES)
      model.forget(removed)
    }
  }
}

test('whatever is held, used, pinned and removed: what is needed stays, and nothing else', async () => {
  const property = fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (all) => {
    await using held = new HeldImages()
    const model = new SlowModel(held)
    for (const step of all) {
      run(model, step)
      model.checkHeld()
    }
  })
  await fc.assert(property, { seed, numRuns: campaign(100) })
})
