import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogNames } from '../../../src/mirror/catalog.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import type { Repository, RepositoryName } from '../../../src/oci/name.ts'

const plain = { literalNames: false }
const addressing = {
  registries: new Map([
    ['docker.io', plain],
    ['ghcr.io', plain],
    ['lab.test:5000', plain],
  ]),
  aliases: new Map(),
  pathAliases: new Map([['lab', 'lab.test:5000']]),
  hosts: new Map(),
  defaultRegistry: 'docker.io',
}

function held(registry: string, name: string): Repository {
  return { registry, name: parseRepositoryName(name) as RepositoryName }
}

const HELD = [
  held('ghcr.io', 'zoo/app'),
  held('ghcr.io', 'app'),
  held('docker.io', 'library/nginx'),
  held('docker.io', 'me/app'),
  held('lab.test:5000', 'app'),
  held('gone.example', 'app'),
]

test('every repository is called as a client calls it, in byte order', () => {
  assert.deepEqual(catalogNames(HELD, undefined, addressing), [
    'ghcr.io/app',
    'ghcr.io/zoo/app',
    'lab/app',
    'library/nginx',
    'me/app',
  ])
})

test('who has chosen a registry gets its names as they are there', () => {
  assert.deepEqual(catalogNames(HELD, 'ghcr.io', addressing), ['app', 'zoo/app'])
  assert.deepEqual(catalogNames(HELD, 'lab.test:5000', addressing), ['app'])
  assert.deepEqual(catalogNames(HELD, 'gone.example', addressing), [])
})

test('another default registry has the plain names', () => {
  const other = { ...addressing, defaultRegistry: 'ghcr.io' }
  assert.deepEqual(catalogNames(HELD, undefined, other), [
    'app',
    'docker.io/library/nginx',
    'docker.io/me/app',
    'lab/app',
    'zoo/app',
  ])
})
