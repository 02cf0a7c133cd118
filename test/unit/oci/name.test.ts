import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageName, parseReference, parseRepositoryName, parseTag } from '../../../src/oci/name.ts'
import type { RepositoryName } from '../../../src/oci/name.ts'

for (const name of [
  'a',
  'library/nginx',
  'a/b/c/d',
  'a.b/c_d/e__f/g-h/i---j',
  'manifests/blobs/tags',
  '0/1',
  'x'.repeat(255),
]) {
  test(`${name} is a repository name`, () => assert.equal(parseRepositoryName(name), name))
}

for (const name of [
  '',
  '/',
  'a/',
  '/a',
  'a//b',
  'A',
  'a/B',
  '_a',
  'a_',
  'a___b',
  'a..b',
  '..',
  'a/../b',
  'a/.',
  'a b',
  'a:b',
  'ä',
  'a\n',
  'x'.repeat(256),
]) {
  test(`${JSON.stringify(name)} is no repository name`, () =>
    assert.equal(parseRepositoryName(name), undefined))
}

for (const tag of ['latest', '1.27', '_x', 'A-b.C_d', 'x'.repeat(128)]) {
  test(`${tag} is a tag`, () => assert.equal(parseTag(tag), tag))
}

for (const tag of ['', '.x', '-x', 'a/b', 'a:b', 'a b', 'a\n', 'x'.repeat(129)]) {
  test(`${JSON.stringify(tag)} is no tag`, () => assert.equal(parseTag(tag), undefined))
}

test('a reference with a colon is a digest or nothing', () => {
  const digest = `sha256:${'a'.repeat(64)}`
  assert.deepEqual(parseReference(digest), { digest })
  assert.deepEqual(parseReference('latest'), { tag: 'latest' })
  assert.equal(parseReference('sha256:short'), undefined)
  assert.equal(parseReference('a:b'), undefined)
})

test('an image is named as people write it', () => {
  const repository = { registry: 'docker.io', name: 'library/nginx' as RepositoryName }
  const reference = parseReference('1.27')
  assert.ok(reference)
  assert.equal(imageName(repository, reference), 'docker.io/library/nginx:1.27')
})
