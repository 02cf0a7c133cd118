import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { namePatternProblem, readNamePattern } from '../../../src/list/name-pattern.ts'
import { canonicalNamed } from '../../../src/mirror/target.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import { addressing } from '../../support/addressing.ts'

function read(typed: string) {
  return readNamePattern(typed, (name) => canonicalNamed(name, addressing))
}

function matches(typed: string, name: string): boolean {
  const pattern = read(typed)
  assert.ok('matches' in pattern, typed)
  const repository = parseRepositoryName(name)
  assert.ok(repository !== undefined, name)
  return pattern.matches(repository)
}

// What is typed, its registry, what all names begin with, which match and which do not.
const rows: readonly (readonly [string, string, string, readonly string[], readonly string[]])[] = [
  [
    'ghcr.io/org/*',
    'ghcr.io',
    'org/',
    ['org/a', 'org/a.b'],
    ['org/a/b', 'org', 'orga/b', 'x/org/a'],
  ],
  ['ghcr.io/org/**', 'ghcr.io', 'org/', ['org/a', 'org/a/b/c'], ['org', 'orga/b', 'x/org/a']],
  [
    'ghcr.io/org/pre-*',
    'ghcr.io',
    'org/pre-',
    ['org/pre-a'],
    ['org/pre', 'org/pre-a/b', 'org/a-pre-b'],
  ],
  ['ghcr.io/**', 'ghcr.io', '', ['a', 'a/b', 'a/b/c'], []],
  ['ghcr.io/*', 'ghcr.io', '', ['a'], ['a/b']],
  ['ghcr.io/*/*', 'ghcr.io', '', ['a/b'], ['a', 'a/b/c']],
  ['ghcr.io/*/app', 'ghcr.io', '', ['a/app'], ['app', 'a/b/app', 'a/app2', 'a/app/b']],
  ['ghcr.io/**/app', 'ghcr.io', '', ['app', 'a/app', 'a/b/app'], ['a/myapp', 'a/app/b']],
  ['ghcr.io/org/**/app', 'ghcr.io', 'org/', ['org/app', 'org/a/b/app'], ['org2/app', 'app']],
  ['ghcr.io/org/a*b*c', 'ghcr.io', 'org/a', ['org/abc', 'org/axbybc'], ['org/abd', 'org/ab/c']],
  // Docker Hub's official images, as their names are read.
  ['docker.io/*', 'docker.io', 'library/', ['library/nginx'], ['me/app', 'library/a/b']],
  ['docker.io/pre-*', 'docker.io', 'library/pre-', ['library/pre-a'], ['pre-a/b', 'library/a']],
  ['docker.io/**', 'docker.io', '', ['library/nginx', 'me/app'], []],
  ['library/*', 'docker.io', 'library/', ['library/nginx'], ['me/app']],
  ['me/**', 'docker.io', 'me/', ['me/app'], ['library/me']],
  // Other names of a registry.
  ['Registry-1.Docker.io/me/*', 'docker.io', 'me/', ['me/app'], []],
  ['k8s.gcr.io/**', 'registry.k8s.io', '', ['pause'], []],
  ['lab/team/*', 'lab.test:5000', 'team/', ['team/app'], []],
  ['lab.test:5000/**', 'lab.test:5000', '', ['team/app'], []],
  // Signs that mean something in other patterns.
  ['ghcr.io/a.b/*', 'ghcr.io', 'a.b/', ['a.b/c'], ['axb/c']],
]

suite('a name with * in it', () => {
  for (const [typed, registry, prefix, yes, no] of rows) {
    test(`${typed} means ${yes.join(', ')} of ${registry}${no.length > 0 ? ', not ' : ''}${no.join(', ')}`, () => {
      const pattern = read(typed)
      assert.ok('matches' in pattern)
      assert.deepEqual([pattern.registry, pattern.prefix], [registry, prefix])
      for (const name of yes) assert.ok(matches(typed, name), name)
      for (const name of no) assert.ok(!matches(typed, name), name)
    })
  }

  for (const [typed, because] of [
    ['**', /a registry is missing before the "\*": write docker.io\/\*\*$/],
    ['*', /a registry is missing/],
    ['*.io/app', /a registry is missing/],
    ['ghcr.io/org/a**', /"\*\*" stands alone between "\/", so "a\*\*" means nothing/],
    ['ghcr.io/***', /so "\*\*\*" means nothing/],
  ] as const) {
    test(`${typed} is refused: hosts are exact, and "**" is a component`, () => {
      assert.match(namePatternProblem(typed) ?? '', because)
      const pattern = read(typed)
      assert.ok('refused' in pattern)
      assert.match(pattern.refused, because)
    })
  }

  test('of a registry that is not served it means nothing, and the sentence names the registry', () => {
    const pattern = read('cr.l5d.io/**')
    assert.ok('refused' in pattern)
    assert.match(pattern.refused, /does not serve the registry "cr.l5d.io"/)
  })

  test('stars that would be tried in every way take no more time than others', () => {
    const typed = `ghcr.io/${'a*'.repeat(100)}b`
    assert.equal(matches(typed, 'a'.repeat(250)), false)
    assert.equal(matches(`ghcr.io/${'**/a*/'.repeat(30)}b`, 'a/'.repeat(120) + 'a'), false)
  })
})
