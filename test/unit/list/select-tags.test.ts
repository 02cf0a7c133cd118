import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { parseList } from '../../../src/list/parse-list.ts'
import { needsTagList, selectTags } from '../../../src/list/select-tags.ts'
import { campaign, seed } from '../../support/seed.ts'

const LISTED = ['latest', '1.24', '1.25', '1.25-alpine', '1.26.0', 'v1.26.0', '1.26.0-rc1', 'edge']

function chosen(tags: string, listed: readonly string[] = LISTED): readonly string[] {
  const { entries, problems } = parseList({ name: 'list', text: `app:${tags}` })
  assert.deepEqual(problems, [])
  const selectors = entries.flatMap((entry) => entry.selectors)
  return selectors.filter(needsTagList).flatMap((selector) => selectTags(selector, listed))
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
    ['{1.24,edge},lat*', ['1.24', 'edge', 'latest']],
    // Not anchored at its end, as `grep -E` takes it.
    ['^1\\.25', ['1.25', '1.25-alpine']],
    ['^1\\.25$', ['1.25']],
    ['/26/', ['1.26.0', 'v1.26.0', '1.26.0-rc1']],
    ['/^v?1\\.26\\.[[:digit:]]+$/', ['1.26.0', 'v1.26.0']],
    ['^(latest|edge)$', ['latest', 'edge']],
    ['/(?i)ALPINE/', ['1.25-alpine']],
    ['^nothing', []],
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

test('a glob chooses what its parts say, one by one', () => {
  const sign = fc.constantFrom('a', 'b', '1', '.', '-', '_')
  const tag = fc
    .tuple(fc.constantFrom('a', 'b', '1', '_'), fc.array(sign, { maxLength: 6 }))
    .map(([first, more]) => first + more.join(''))
  const part = fc.oneof(sign, fc.constantFrom('*', '?'))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), fc.array(tag), (parts, tags) => {
      const glob = `${parts.join('')}*`
      const expected = tags.filter((each) => matches([...parts, '*'], each))
      assert.deepEqual(
        selectTags({ kind: 'glob', pattern: glob }, tags),
        [...new Set(expected)],
        glob,
      )
    }),
    { seed, numRuns: campaign(300) },
  )
})

function matches([first, ...more]: readonly string[], tag: string): boolean {
  if (first === undefined) return tag === ''
  if (first === '*')
    return matches(more, tag) || (tag !== '' && matches([first, ...more], tag.slice(1)))
  return tag !== '' && (first === '?' || first === tag[0]) && matches(more, tag.slice(1))
}
