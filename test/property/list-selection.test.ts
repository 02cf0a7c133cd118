// For random lines and random tag lists: what src/list selects is what a slow evaluation of its own
// selects, tag by tag and reason by reason.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { usedWithinMs } from '../../src/list/bare.ts'
import type { Bare, EntryOptions, Exclude, ListEntry, Selector } from '../../src/list/list-entry.ts'
import { compileGlob } from '../../src/list/pattern.ts'
import type { TagPattern } from '../../src/list/pattern.ts'
import { compileExcludes, selectTags, tagListNeed } from '../../src/list/select-tags.ts'
import type { Selection } from '../../src/list/select-tags.ts'
import { compareVersions, parseVersion } from '../../src/list/versions.ts'
import { parseDigest } from '../../src/oci/digest.ts'
import { parseTag } from '../../src/oci/name.ts'
import type { Tag } from '../../src/oci/name.ts'
import { campaign, seed } from '../support/seed.ts'
import { globMatches } from '../support/slow-glob.ts'
import { slowSelection, slowUsedMs } from '../support/slow-selection.ts'
import type { SlowSelection } from '../support/slow-selection.ts'
import { slowCompare, slowVersion } from '../support/slow-version.ts'

const runs = { seed, numRuns: campaign(1000) }

/** As registries have them: made of few parts, so that many are of one version. */
const versionTag = fc
  .tuple(
    fc.constantFrom('', '', '', 'v'),
    fc.array(fc.constantFrom('0', '1', '2', '10', '02'), { minLength: 1, maxLength: 4 }),
    fc.constantFrom(
      ...['', '', '', '', '-1', '_13', '-2.3', '-01-05', '-3a', '-3.4a', '.post1', '.post2-1'],
      ...['u43', 'u43-b06', 'u43-b06a', 'u43.5', 'u5_1'],
    ),
    fc.constantFrom(
      ...['', '', '', '', '-rc1', '-rc.2', '.Beta1', 'rc1', 'b2', 'b1234', '-alpha', '-m1', '-m-2'],
      ...[
        '-m',
        '-ea-11',
        'ea1',
        '-g1a2b3c4',
        '-g1a',
        '-SNAPSHOT',
        '-nightly-20240105',
        '-alphabet',
        ...['-develop', '-main', '-mainline', '.master', '-test2', '_staging'],
      ],
    ),
    fc.constantFrom('', '', '', '-alpine', '-alpine3.20', '-slim', '-jdk', '.', 'k', '-1x'),
  )
  .map(([v, numbers, build, before, variant]) => v + numbers.join('.') + build + before + variant)
const wordTag = fc.constantFrom(
  ...['latest', 'edge', 'stable-alpine', 'release-1.2', '7f3e2a1', '7ea1f02', '0123456789ab'],
  ...['sha256-12', 'x-dev-1.2', 'foo-v1.2-g0123456', 'app-1.2.3-distroless', 'v', '_', 'a:b', ''],
)
/** Of one number without a dot, and of minutes. */
const datedTag = fc.constantFrom(
  ...['20240105', '20240923', 'v20240105', '20240923-alpine', '20240923_2', '1234567', '12345'],
  ...['RELEASE.2024-12-13T22-19-12Z', 'RELEASE.2024-12-18T13-15-44Z.fips', '202409-rc1'],
  ...['RELEASE.2024-12-13T22-19-12Zx', 'RELEASE.2024-12-18'],
)
const listedTag = fc.oneof(
  { weight: 5, arbitrary: versionTag },
  { weight: 1, arbitrary: wordTag },
  { weight: 1, arbitrary: datedTag },
)
const tag = listedTag.filter((each) => parseTag(each) !== undefined).map((each) => each as Tag)

const glob = fc.oneof(
  fc.constantFrom('*', '1*', '*-alpine*', '{1,2}.*', '?.?', '[12].[!0]*', '*.{0,1{,0}}', 'v[0-9]*'),
  tag.map((each) => `${each.slice(0, 2)}*`),
  tag,
)
const regex = fc.constantFrom('^1', '^v?1\\.(0|2)$', 'alpine', '[0-9]$', '^(latest|edge)$', '\\.0')

const pattern = fc.oneof(
  fc.record({ kind: fc.constant('glob' as const), pattern: glob }),
  fc.record({ kind: fc.constant('regex' as const), pattern: regex }),
)
const digest = parseDigest(`sha256:${'0'.repeat(64)}`) ?? assert.fail()
const selector: fc.Arbitrary<Selector> = fc.oneof(
  pattern,
  fc.record({ kind: fc.constant('tag' as const), tag, digest: fc.constantFrom(undefined, digest) }),
  fc.constant({ kind: 'digest' as const, digest }),
)

const RANGES = [
  ...['>=1', '>=1.2 <2', '<2.0.0 || >=10', '>1.0.2 <=2.0.0', '=1.2.0', '>=1.0.0-rc1'],
  ...['>=2.0.0-beta <2.0.2', '<1 || =2.10.0-rc.2'],
]
const options: fc.Arbitrary<EntryOptions> = fc.record(
  {
    newest: fc.integer({ min: 1, max: 4 }),
    semver: fc.constantFrom(...RANGES),
    variant: fc.constantFrom('', 'alpine', 'slim', 'alpine3.20', 'debian-12'),
    not: fc.array(glob, { maxLength: 2 }),
    min: fc.integer({ min: 1, max: 5 }),
    max: fc.integer({ min: 1, max: 8 }),
    usedMs: fc.constant(1000),
    bare: fc.constantFrom<Bare[]>('latest', 'latest+used', 'used', 'versions', 'all', 'daocloud'),
  },
  { requiredKeys: [] },
)

const entry: fc.Arbitrary<ListEntry> = fc
  .record({
    selectors: fc.oneof(fc.constant([]), fc.array(selector, { minLength: 1, maxLength: 4 })),
    options: fc.oneof(fc.constant({}), options),
    ownOptions: fc.oneof(fc.constant({}), options),
    name: fc.oneof({ weight: 9, arbitrary: fc.constant('app') }, fc.constant('ghcr.io/org/*')),
  })
  .map(({ name, selectors, options: defaults, ownOptions }) => ({
    place: { source: 'list', line: 1 },
    text: '',
    name,
    selectors: name.includes('*') ? [] : selectors,
    options: { ...defaults, ...ownOptions },
    ownOptions,
  }))

const excludes: fc.Arbitrary<readonly Exclude[]> = fc.array(
  pattern.map((each) => ({ place: { source: 'list', line: 1 }, ...each })),
  { maxLength: 2 },
)

interface World {
  readonly entry: ListEntry
  readonly tags: readonly string[]
  readonly used: readonly Tag[]
  readonly excludes: readonly Exclude[]
  readonly blocks: readonly string[]
}

const world: fc.Arbitrary<World> = fc.record({
  entry,
  tags: fc.oneof(
    { weight: 9, arbitrary: fc.array(listedTag, { maxLength: 40 }) },
    { weight: 1, arbitrary: fc.array(fc.oneof(datedTag, wordTag), { maxLength: 10 }) },
  ),
  used: fc.uniqueArray(tag, { maxLength: 12 }),
  excludes,
  blocks: fc.array(glob, { maxLength: 2 }),
})

function needsList(line: ListEntry, tags: readonly string[]): boolean {
  const need = tagListNeed(line)
  return need === 'always' || (need === 'without-latest' && !tags.includes('latest'))
}

function compiledGlob(text: string): TagPattern {
  const read = compileGlob(text)
  return 'value' in read ? read.value : assert.fail(text)
}

function selected({ entry: line, tags, used, excludes: excluded, blocks }: World): Selection {
  const blocking = blocks.map(compiledGlob)
  return selectTags(
    line,
    {
      listed: needsList(line, tags) ? tags : undefined,
      used: usedWithinMs(line) === undefined ? [] : used,
    },
    {
      isExcluded: compileExcludes(excluded),
      isBlocked: (each) => each !== undefined && blocking.some((block) => block.matches(each)),
    },
  )
}

function shown({ chosen, dropped, usedOver, shortage, excess }: Selection): SlowSelection {
  return {
    chosen: chosen.map((each) => `${each.tag ?? each.digest} ${each.by}`).toSorted(),
    dropped: dropped.map((each) => `${each.tag} ${each.because}`).toSorted(),
    usedOver,
    fate: excess ? 'too many' : shortage ? 'too few' : 'fine',
  }
}

suite('what a line selects', () => {
  test('is what a slow evaluation selects, tag by tag and reason by reason', () => {
    fc.assert(
      fc.property(world, (each) => {
        assert.equal(usedWithinMs(each.entry), slowUsedMs(each.entry))
        assert.deepEqual(shown(selected(each)), slowSelection(each.entry, each, each))
      }),
      runs,
    )
  })

  test('does not depend on the order in which upstream lists its tags', () => {
    const worldTwice = world.chain((each) =>
      fc.tuple(
        fc.constant(each),
        fc.shuffledSubarray([...each.tags], { minLength: each.tags.length }),
      ),
    )
    fc.assert(
      fc.property(worldTwice, ([each, tags]) => {
        assert.deepEqual(shown(selected({ ...each, tags })), shown(selected(each)))
      }),
      runs,
    )
  })

  test('leaves no listed tag without an answer', () => {
    fc.assert(
      fc.property(world, (each) => {
        const { chosen, dropped, excess } = selected(each)
        const told = [...chosen.map((one) => one.tag), ...dropped.map((one) => one.tag)]
        assert.equal(new Set(told).size, told.length, 'each once')
        if (!needsList(each.entry, each.tags) || excess) return
        assert.deepEqual(
          each.tags.filter((one) => !told.some((other) => other === one)),
          [],
        )
      }),
      runs,
    )
  })
})

test('versions compare as they do when they are read word by word', () => {
  fc.assert(
    fc.property(listedTag, listedTag, (one, other) => {
      const fast = [parseVersion(one), parseVersion(other)] as const
      const slow = [slowVersion(one), slowVersion(other)] as const
      assert.deepEqual(
        fast.map((each) => each?.variant),
        slow.map((each) => each?.variant),
      )
      if (!fast[0] || !fast[1] || !slow[0] || !slow[1]) return
      assert.equal(compareVersions(fast[0], fast[1]), slowCompare(slow[0], slow[1]))
    }),
    runs,
  )
})

test('a glob matches what it matches when everything is tried', () => {
  const part = fc.constantFrom('a', 'b', '1', '.', '-', '*', '?', '[ab]', '[!a]', '[0-9.]', '[^-]')
  const parts = fc.array(part, { maxLength: 5 }).map((all) => all.join(''))
  const either = fc.array(parts, { minLength: 1, maxLength: 3 }).map((all) => `{${all.join(',')}}`)
  const globs = fc.array(fc.oneof(parts, either), { minLength: 1, maxLength: 3 })
  const text = fc.array(fc.constantFrom('a', 'b', '1', '.', '-'), { maxLength: 6 })
  fc.assert(
    fc.property(globs, text, (all, signs) => {
      const [written, against] = [all.join(''), signs.join('')]
      assert.equal(compiledGlob(written).matches(against), globMatches(written, against))
    }),
    runs,
  )
})
