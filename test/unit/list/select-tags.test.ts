import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { ListEntry } from '../../../src/list/list-entry.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { compileExcludes, selectTags, tagListNeed } from '../../../src/list/select-tags.ts'
import type { Selection } from '../../../src/list/select-tags.ts'
import { parseTag } from '../../../src/oci/name.ts'
import { globMatches } from '../../support/slow-glob.ts'

const LISTED = ['latest', '1.24', '1.25', '1.25-alpine', '1.26.0', 'v1.26.0', '1.26.0-rc1', 'edge']

function entryOf(text: string): ListEntry {
  const { entries, problems } = parseList({ name: 'list', text })
  assert.deepEqual(problems, [])
  return entries[0] ?? assert.fail(text)
}

interface Around {
  readonly listed?: readonly string[] | undefined
  readonly used?: readonly string[]
  /** Of the line `@exclude`, and of a `!` line for the repository. */
  readonly exclude?: string
  readonly block?: string
}

function selection(text: string, around: Around = {}): Selection {
  const { used = [], exclude, block } = around
  const { excludes } = parseList({ name: 'list', text: exclude ? `@exclude ${exclude}` : '' })
  return selectTags(
    entryOf(text),
    {
      listed: 'listed' in around ? around.listed : LISTED,
      used: used.map((tag) => parseTag(tag) ?? assert.fail(tag)),
    },
    {
      isExcluded: compileExcludes(excludes),
      isBlocked: (tag) => block !== undefined && globMatches(block, tag ?? ''),
    },
  )
}

/** Without those who came in as most do. */
function shown({ chosen }: Selection): string {
  return chosen
    .map(({ tag, digest, by }) => (tag ?? digest ?? '') + (by === 'pattern' ? '' : `(${by})`))
    .join(' ')
}

function chosen(tags: string, listed: readonly string[] = LISTED): readonly string[] {
  return selection(`app:${tags} max=1000`, { listed }).chosen.map(({ tag }) => tag ?? '')
}

suite('which tags a pattern means', () => {
  const patterns: readonly (readonly [string, readonly string[]])[] = [
    ['*', LISTED],
    ['1.2?', ['1.24', '1.25']],
    ['1.25*', ['1.25', '1.25-alpine']],
    ['1.2[56]*', ['1.25', '1.25-alpine', '1.26.0', '1.26.0-rc1']],
    ['1.2[!5]*', ['1.24', '1.26.0', '1.26.0-rc1']],
    ['{v,}1.26.0', ['1.26.0', 'v1.26.0']],
    ['1.{24,25{,-alpine}}', ['1.24', '1.25', '1.25-alpine']],
    ['{1.24,edge},lat*', ['latest', '1.24', 'edge']],
    // Not anchored at its end, as `grep -E` takes it.
    ['^1\\.25', ['1.25', '1.25-alpine']],
    ['^1\\.25$', ['1.25']],
    ['/26/', ['1.26.0', 'v1.26.0', '1.26.0-rc1']],
    ['/^v?1\\.26\\.[[:digit:]]+$/', ['1.26.0', 'v1.26.0']],
    ['^(latest|edge)$', ['latest', 'edge']],
    ['/(?i)ALPINE/', ['1.25-alpine']],
  ]
  for (const [tags, expected] of patterns) {
    test(tags, () => assert.deepEqual(chosen(tags), expected))
  }
})

test('a dot of a glob is a dot', () => {
  assert.deepEqual(chosen('1.2*', ['1.25', '1x25']), ['1.25'])
})

test('what a registry lists and cannot be a tag is passed over', () => {
  const listed = ['a:b', '', '../x', '.a', 'a\nb', 'x'.repeat(129), 'a', 'a']
  assert.deepEqual(chosen('*', listed), ['a'])
  assert.deepEqual(chosen('/a/', listed), ['a'])
})

test('patterns that take forever elsewhere take no longer than others', () => {
  // Each is exponential, or nearly, where a pattern is tried in every way that it can match.
  const tags = Array.from({ length: 50 }, (_, index) => 'a'.repeat(127) + String(index % 10))
  assert.deepEqual(chosen('*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b', tags), [])
  assert.deepEqual(chosen('^(a+)+$', tags), [])
  assert.deepEqual(chosen('/(a|a)*(a|a)*b/', tags), [])
  assert.deepEqual(chosen('{a,a*,*a}{a,a*,*a}{a,a*,*a}{a,a*,*a}b', tags), [])
})

suite('which lines need the tag list of a repository', () => {
  const needs: Readonly<Record<string, ReturnType<typeof tagListNeed>>> = {
    'app:1.25,latest': 'never',
    'app:1.25 used=30d': 'never',
    'app bare=used': 'never',
    'ghcr.io/org/*': 'never',
    app: 'without-latest',
    'app bare=latest': 'without-latest',
    'app not=*-rc*': 'without-latest',
    'app newest=2': 'always',
    'app semver=>=1': 'always',
    'app variant=""': 'always',
    'app bare=versions': 'always',
    'app bare=all': 'always',
    'app bare=daocloud': 'always',
    'app:1.25,1.2*': 'always',
  }
  for (const [line, need] of Object.entries(needs)) {
    test(line, () => assert.equal(tagListNeed(entryOf(line)), need))
  }
  test(`a digest`, () => {
    assert.equal(tagListNeed(entryOf(`app@sha256:${'0'.repeat(64)}`)), 'never')
  })
})

suite('lines without tags', () => {
  const used = ['1.24', '1.25']
  const none = { listed: undefined }
  const withoutLatest = { listed: LISTED.slice(1) }
  const lines: readonly (readonly [line: string, around: Around, expected: string])[] = [
    ['app', none, 'latest(latest)'],
    ['app', { ...none, used }, 'latest(latest) 1.24(used) 1.25(used)'],
    ['app bare=latest', none, 'latest(latest)'],
    ['app', withoutLatest, '1.26.0(newest-version)'],
    ['app', { listed: ['2.0-rc1', 'edge', '2.0-beta'] }, '2.0-rc1(newest-version)'],
    ['app', { ...withoutLatest, exclude: '*1.26.0' }, '1.25(newest-version)'],
    ['app not=*1.26*', { ...withoutLatest, block: '1.25' }, '1.25-alpine(newest-version)'],
    ['app', { ...none, exclude: '*' }, 'latest(latest)'],
    ['app bare=used', { ...none, used }, '1.24(used) 1.25(used)'],
    ['app bare=versions', {}, '1.24 1.25 1.25-alpine 1.26.0 v1.26.0 1.26.0-rc1'],
    ['app bare=all not=1*,v*', {}, 'latest edge'],
    ['app newest=2', {}, '1.26.0 1.25'],
    ['app semver=>=1.25,<1.26', {}, '1.25 1.25-alpine'],
    ['app variant=alpine', {}, '1.25-alpine'],
    ['app', { listed: ['3.20.3', '3.21.0', '20240923', 'edge'] }, '3.21.0(newest-version)'],
    ['app', { listed: ['20240905', '20240923', 'edge'] }, '20240923(newest-version)'],
    ['app semver=>=3.19', { listed: ['3.18', '3.20', '20240923', '1234567'] }, '3.20'],
    ['app newest=1 not=3*', { listed: ['3.20', '20240923'] }, '20240923'],
    [
      'app variant=debian-12',
      { listed: ['16.1-debian-12-r5', '16.1-debian-12', '16.1-debian-11-r9', '16.1-r3'] },
      '16.1-debian-12-r5 16.1-debian-12',
    ],
    ['app variant=""', { listed: ['4.0-ls261', '4.0', '4.0-arm'] }, '4.0-ls261 4.0'],
    ['app:1?,v* newest=3', { listed: ['15', '15.8', '16', '16.4', '17'] }, '17 16 15'],
    ['app variant="" newest=1 used=1d', { used }, '1.26.0 1.24(used) 1.25(used)'],
  ]
  for (const [line, around, expected] of lines) {
    test(line, () => assert.equal(shown(selection(line, around)), expected))
  }

  test('bare=daocloud takes what the scripts of public-image-mirror take', () => {
    const listed =
      '1.25 v1.2.3-alpine release-1.2 kube-v1.30.1.9 latest 7 x-y-1.2 1.2-alpha.1 1.2-nightly ' +
      'v1.2.3-7-g1234567 v1.2.3-7-g123456 1.2.0123456789 1.2.012345678 dev-1.2 1.2-SNAPSHOT ' +
      '1.2-snapshot'
    assert.equal(
      shown(selection('app bare=daocloud', { listed: listed.split(' ') })),
      '1.25 v1.2.3-alpine release-1.2 kube-v1.30.1.9 v1.2.3-7-g123456 1.2.012345678 1.2-snapshot',
    )
  })
})

suite('what overrides what', () => {
  const lines: readonly (readonly [line: string, around: Around, expected: string])[] = [
    ['app:1.26.0-rc1,1.26*', { exclude: '*-rc* ^v' }, '1.26.0-rc1(written) 1.26.0'],
    ['app:1.25,1.2* not=1.25*', {}, '1.25(written) 1.24 1.26.0 1.26.0-rc1'],
    ['app:1.25,1.24', { block: '1.25' }, '1.24(written)'],
    ['app:1.25,1.24', { exclude: '*' }, '1.25(written) 1.24(written)'],
    ['app:1.2* used=1d', { used: ['1.25', '9'], exclude: '*' }, '1.25(used) 9(used)'],
    [
      'app:1.24 used=1d not=9*',
      { used: ['1.25', '9', '8'], block: '8' },
      '1.24(written) 1.25(used)',
    ],
    // A tag is left out before the newest are counted, and a written one counts among them.
    ['app:* newest=2', { exclude: '^v?1\\.26' }, '1.25 1.24'],
    ['app:1.26.0,* newest=1', {}, '1.26.0(written)'],
    ['app:* newest=1 used=1d', { used: ['1.26.0', '1.24'] }, '1.26.0 1.24(used)'],
  ]
  for (const [line, around, expected] of lines) {
    test(`${line} ${JSON.stringify(around)}`, () => {
      assert.equal(shown(selection(line, around)), expected)
    })
  }

  test('a digest is written, and a block of the whole repository is one of it, too', () => {
    const digest = `sha256:${'0'.repeat(64)}`
    assert.equal(shown(selection(`app@${digest}`)), `${digest}(written)`)
    assert.equal(shown(selection(`app:1@${digest}`)), '1(written)')
    assert.equal(selection(`app:1@${digest}`).chosen[0]?.digest, digest)
    assert.equal(shown(selection(`app@${digest}`, { block: '*' })), '')
  })
})

suite('too few and too many', () => {
  const many = Array.from({ length: 51 }, (_, index) => `1.${index}`)

  test('no tag is too few, unless nothing but use can select one', () => {
    assert.deepEqual(selection('app:9*').shortage, { count: 0, min: 1 })
    assert.deepEqual(selection('app not=latest', { listed: undefined }).shortage, {
      count: 0,
      min: 1,
    })
    assert.equal(selection('app bare=used', { listed: undefined }).shortage, undefined)
    assert.equal(selection('ghcr.io/org/*', { listed: undefined }).shortage, undefined)
  })

  test('used tags count for nothing, and are no more than max', () => {
    const used = ['9', '8', '7']
    const { shortage } = selection('app:1.24,5* used=1d min=2', { used })
    assert.deepEqual(shortage, { count: 1, min: 2 })
    const over = selection('app:1.24 used=1d max=2', { used: ['1.24', ...used] })
    assert.equal(shown(over), '1.24(written) 9(used) 8(used)')
    assert.equal(over.usedOver, 1)
    assert.equal(over.excess, undefined)
  })

  test('more than max leaves what is written and used', () => {
    const over = selection('app:x,1.* used=1d', { listed: many, used: ['1.3'] })
    assert.equal(shown(over), 'x(written) 1.3(used)')
    assert.deepEqual(over.excess, { count: 51, max: 50 })
    assert.equal(over.shortage, undefined)
    assert.equal(selection('app:1.* max=51', { listed: many }).chosen.length, 51)
    assert.equal(selection('app:1.*', { listed: many.slice(1) }).chosen.length, 50)
    assert.equal(selection('app bare=daocloud', { listed: many }).chosen.length, 51)
    assert.deepEqual(selection('app:1.* newest=3 max=2', { listed: many }).excess, {
      count: 3,
      max: 2,
    })
  })

  test('min of @defaults is for lines that choose among tags', () => {
    const { entries } = parseList({ name: 'list', text: '@defaults min=3\napp\napp:1\napp:1*' })
    const shortages = entries.map(
      (entry) =>
        selectTags(
          entry,
          { listed: tagListNeed(entry) === 'always' ? ['1', '2'] : undefined, used: [] },
          { isExcluded: () => false, isBlocked: () => false },
        ).shortage,
    )
    assert.deepEqual(shortages, [undefined, undefined, { count: 1, min: 3 }])
  })
})

test('every tag that is not chosen is dropped for the first reason there is', () => {
  const listed = [...LISTED, 'no tag', '1.25-slim', '1.23', '1.22.1-alpine', '1.22-alpine', '1.2']
  const { dropped } = selection('app:1*,v* semver=>=1.22 not=*23 newest=1', {
    listed,
    exclude: '*-slim',
    block: '1.26.0',
  })
  assert.deepEqual(Object.fromEntries(dropped.map(({ tag, because }) => [tag, because])), {
    'no tag': 'no-tag',
    latest: 'unmatched',
    edge: 'unmatched',
    '1.2': 'semver',
    '1.26.0-rc1': 'semver',
    '1.25-slim': 'excluded',
    '1.23': 'not',
    '1.26.0': 'blocked',
    '1.25': 'older',
    '1.25-alpine': 'older',
    '1.24': 'older',
    '1.22.1-alpine': 'older',
    '1.22-alpine': 'same-version',
  })
})
