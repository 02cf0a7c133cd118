// What `ls` tells of images, against a slow model that walks sets: random images of one and two
// platforms that share layers and manifests, of which random parts are held.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { digestOf } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/name.ts'
import type { Repository, Tag } from '../../src/oci/name.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { openIndex } from '../../src/store/open-index.ts'
import type { HeldImage, ImageCursor } from '../../src/store/reader-port.ts'
import type { SqliteIndex } from '../../src/store/sqlite-index.ts'
import { SqliteReader } from '../../src/store/sqlite-reader.ts'
import { campaign, seed } from '../support/seed.ts'
import { TempFolder } from '../support/temp-folder.ts'

const PLATFORMS = ['linux/amd64', 'linux/arm64', 'unknown/unknown']
const REPOSITORIES = ['app', 'library/app', 'zoo'].map((name) => ({
  registry: 'docker.io',
  name: parseRepositoryName(name) as never,
})) as Repository[]

interface Blob {
  readonly digest: Digest
  readonly size: number
  readonly isHeld: boolean
}

interface Single {
  readonly digest: Digest
  readonly bytes: Buffer
  readonly blobs: readonly Blob[]
  readonly isHeld: boolean
}

interface Image {
  readonly top: Single
  // Of an index; empty for an image without one.
  readonly children: readonly { readonly single: Single; readonly platform: string }[]
  readonly repository: Repository
  readonly tag: Tag | undefined
}

const blobs = fc.array(
  fc.record({ size: fc.integer({ min: 1, max: 5000 }), isHeld: fc.boolean() }),
  { minLength: 4, maxLength: 8 },
)
const singles = fc.array(
  fc.record({ blobs: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), isHeld: fc.boolean() }),
  { minLength: 3, maxLength: 6 },
)
const images = fc.array(
  fc.record({
    children: fc.uniqueArray(fc.nat(5), { maxLength: 3 }),
    single: fc.nat(5),
    repository: fc.nat(2),
    tag: fc.option(fc.constantFrom('1', '2', 'latest'), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 8 },
)

test('platforms, sizes and shared sizes are those of a slow model, page by page', async () => {
  const worlds = fc.record({ blobs, singles, images })
  await fc.assert(
    fc.asyncProperty(worlds, async (world) => {
      await using folder = new TempFolder('looking')
      const layout = layoutOf(folder.path)
      const { index, unlock } = openIndex(layout, undefined)
      try {
        const made = imagesOf(world)
        fill(index, made)
        const reader = new SqliteReader(new Database(layout.index, { readonly: true }), 2)
        const seen = allOf(reader)
        assert.deepEqual(seen.map(factsOf), expected(made))
        reader.close()
      } finally {
        index.close()
        unlock()
      }
    }),
    { seed, numRuns: campaign(60) },
  )
})

function imagesOf(world: {
  readonly blobs: readonly { size: number; isHeld: boolean }[]
  readonly singles: readonly { blobs: readonly number[]; isHeld: boolean }[]
  readonly images: readonly {
    children: readonly number[]
    single: number
    repository: number
    tag: string | undefined
  }[]
}): Image[] {
  const made = world.blobs.map((blob, n) => ({
    digest: digestOf(Buffer.from(`blob ${n}`)),
    ...blob,
  }))
  const single = world.singles.map(({ blobs: numbers, isHeld }, n): Single => {
    const bytes = Buffer.from(JSON.stringify({ n }))
    const distinct = [...new Set(numbers.map((number) => made[number % made.length] as Blob))]
    return { digest: digestOf(bytes), bytes, blobs: distinct, isHeld }
  })
  const at = (n: number): Single => single[n % single.length] as Single
  return world.images.map(({ children, single: number, repository, tag }) => {
    const listed = [...new Set(children.map(at))]
    const bytes = Buffer.from(JSON.stringify({ listed: listed.map(({ digest }) => digest) }))
    const top =
      listed.length === 0
        ? { ...at(number), isHeld: true }
        : { digest: digestOf(bytes), bytes, blobs: [], isHeld: true }
    return {
      top,
      children: listed.map((each, n) => ({ single: each, platform: PLATFORMS[n] as string })),
      repository: REPOSITORIES[repository] as Repository,
      tag: tag === undefined ? undefined : (parseTag(tag) as Tag),
    }
  })
}

function fill(index: SqliteIndex, made: readonly Image[]): void {
  const descriptor = (digest: Digest, sizeBytes: number, platform?: string) => ({
    digest,
    sizeBytes,
    mediaType: 'x',
    platform,
  })
  const record = (repository: Repository, { digest, bytes, blobs: own }: Single, image?: Image) =>
    index.recordManifest(repository, {
      digest,
      bytes,
      mediaType: 'x',
      subject: undefined,
      artifactType: undefined,
      opens: 'repository',
      blobs: own.map((blob) => descriptor(blob.digest, blob.size)),
      children: (image?.children ?? []).map(({ single, platform }) =>
        descriptor(single.digest, single.bytes.length, platform),
      ),
    })
  for (const image of made) {
    const { repository, top, children, tag } = image
    record(repository, top, image)
    for (const { single } of children) if (single.isHeld) record(repository, single)
    if (tag !== undefined) {
      const to = { digest: top.digest, mediaType: 'x', sizeBytes: 1, checkedAt: 1 }
      index.moveTag(repository, tag, { ...to, opens: 'repository' })
    }
    for (const { digest, size, isHeld } of allBlobs(image)) {
      if (isHeld) index.publishBlob(digest, { sizeBytes: size, stamp: undefined, storedAt: 1 })
    }
  }
}

function allBlobs({ top, children }: Image): readonly Blob[] {
  return [...top.blobs, ...children.flatMap(({ single }) => single.blobs)]
}

function allOf(reader: SqliteReader): HeldImage[] {
  const selection = { registry: 'docker.io', name: { startsWith: '' } }
  const all = { ...selection, tagStartsWith: undefined, digestStartsWith: undefined }
  const found: HeldImage[] = []
  let after: ImageCursor | undefined
  do {
    const page = reader.images(all, after)
    found.push(...page.images)
    after = page.next
  } while (after)
  return found
}

function factsOf({ name, tag, digest, platforms, sizeBytes, sharedBytes }: HeldImage) {
  return { name, tag, digest, platforms, sizeBytes, sharedBytes }
}

// Every manifest that is held, as a set of what hangs on it; then what is asked of these sets.
function expected(made: readonly Image[]): unknown[] {
  const manifests = new Map<Digest, { single: Single; children: Image['children'] }>()
  const inRepository = new Map<string, Set<Digest>>()
  const tags = new Map<string, Map<string, Digest>>()
  for (const { top, children, repository, tag } of made) {
    manifests.set(top.digest, { single: top, children })
    const here = inRepository.get(repository.name) ?? new Set()
    inRepository.set(repository.name, here.add(top.digest))
    for (const { single } of children) {
      if (!single.isHeld) continue
      if (!manifests.has(single.digest)) manifests.set(single.digest, { single, children: [] })
      here.add(single.digest)
    }
    const named = tags.get(repository.name) ?? new Map<string, Digest>()
    if (tag !== undefined) tags.set(repository.name, named.set(tag, top.digest))
  }
  const parentsOf = (digest: Digest): Digest[] =>
    [...manifests].flatMap(([parent, { single, children }]) =>
      children.some((child) => child.single.digest === digest) ||
      single.blobs.some((blob) => blob.digest === digest)
        ? [parent]
        : [],
    )
  const isTagged = (digest: Digest): boolean =>
    [...tags.values()].some((named) => [...named.values()].includes(digest))
  // Of the image itself its own row is one, so only another counts.
  const rowsOf = (digest: Digest): number =>
    [...inRepository].reduce((rows, [name, manifestsHere]) => {
      const tagged = [...(tags.get(name)?.values() ?? [])].filter((each) => each === digest).length
      return rows + (tagged > 0 ? tagged : manifestsHere.has(digest) ? 1 : 0)
    }, 0)
  const isLeadingOutside = (digest: Digest, root: Digest, tree: Set<Digest>): boolean =>
    (tree.has(digest) && (digest === root ? rowsOf(root) > 1 : isTagged(digest))) ||
    parentsOf(digest).some((parent) => !tree.has(parent) || isLeadingOutside(parent, root, tree))
  const facts = (digest: Digest) => {
    const { single, children } = manifests.get(digest) as {
      single: Single
      children: Image['children']
    }
    const held = children.filter((child) => manifests.has(child.single.digest))
    const own = [single, ...held.map((child) => child.single)]
    const tree = new Set(own.map((each) => each.digest))
    const stored = new Map(own.flatMap(({ blobs: all }) => all).map((blob) => [blob.digest, blob]))
    const sizes = [
      ...new Map(own.map((each) => [each.digest, each.bytes.length])),
      ...[...stored.values()].flatMap((blob) =>
        blob.isHeld ? [[blob.digest, blob.size] as const] : [],
      ),
    ]
    const sum = (all: typeof sizes): number => all.reduce((total, [, size]) => total + size, 0)
    const isWhole = ({ blobs: all }: Single): boolean => all.every(({ isHeld }) => isHeld)
    const platforms = held
      .filter(({ platform }) => platform !== 'unknown/unknown')
      .map((child) => ({ platform: child.platform, isComplete: isWhole(child.single) }))
    return {
      digest,
      platforms:
        children.length === 0 ? [{ platform: '', isComplete: isWhole(single) }] : platforms,
      sizeBytes: sum(sizes),
      sharedBytes: sum(sizes.filter(([each]) => isLeadingOutside(each, digest, tree))),
    }
  }
  return [...inRepository.keys()].toSorted().flatMap((name) => {
    const named = [...(tags.get(name) ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1))
    const shown = new Set(named.map(([, digest]) => digest))
    const isListed = (digest: Digest): boolean =>
      [...manifests.values()].some(({ children }) =>
        children.some((child) => child.single.digest === digest),
      )
    const untagged = [...(inRepository.get(name) ?? [])]
      .filter((digest) => !shown.has(digest) && !isListed(digest))
      .toSorted()
    return [
      ...named.map(([tag, digest]) => ({ name, tag, ...facts(digest) })),
      ...untagged.map((digest) => ({ name, tag: undefined, ...facts(digest) })),
    ]
  })
}
