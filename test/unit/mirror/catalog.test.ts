import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogNames, catalogPlaces } from '../../../src/mirror/catalog.ts'
import type { CatalogPage } from '../../../src/mirror/catalog.ts'
import type { Addressing } from '../../../src/mirror/target.ts'
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
  held('docker.io', 'secret/app'),
  held('gone.example', 'app'),
]

async function names(
  registry: string | undefined,
  by: Addressing,
  page: CatalogPage = { n: 100, last: '' },
): Promise<readonly string[]> {
  const found = await catalogNames(catalogPlaces(registry, by), page, {
    held: (wanted, after, limit) =>
      Promise.resolve(
        HELD.filter((each) => each.registry === wanted && each.name > after)
          .toSorted((one, other) => (one.name < other.name ? -1 : 1))
          .slice(0, limit)
          .map((each) => ({ ...each, isPublic: true })),
      ),
    isListed: ({ name }) => name !== 'secret/app',
  })
  return found.names
}

test('every repository is called as a client calls it, in byte order', async () => {
  assert.deepEqual(await names(undefined, addressing), [
    'ghcr.io/app',
    'ghcr.io/zoo/app',
    'lab/app',
    'library/nginx',
    'me/app',
  ])
})

test('who has chosen a registry gets its names as they are there', async () => {
  assert.deepEqual(await names('ghcr.io', addressing), ['app', 'zoo/app'])
  assert.deepEqual(await names('lab.test:5000', addressing), ['app'])
  assert.deepEqual(await names('gone.example', addressing), [])
})

test('another default registry has the plain names', async () => {
  const other = { ...addressing, defaultRegistry: 'ghcr.io' }
  assert.deepEqual(await names(undefined, other), [
    'app',
    'docker.io/library/nginx',
    'docker.io/me/app',
    'lab/app',
    'zoo/app',
  ])
})

test('pages lead through all names, whatever is last and whoever is not listed', async () => {
  const all = await names(undefined, addressing)
  for (let n = 1; n <= all.length; n += 1) {
    const seen: string[] = []
    for (let last = ''; ; last = seen.at(-1) ?? '') {
      const page = await names(undefined, addressing, { n, last })
      seen.push(...page)
      if (page.length < n) break
    }
    assert.deepEqual(seen, all)
  }
  for (const last of ['a', 'ghcr.io', 'ghcr.io/', 'ghcr.io/b', 'h', 'lab/zzz', 'zzz']) {
    const after = all.filter((name) => name > last)
    assert.deepEqual(await names(undefined, addressing, { n: 100, last }), after, last)
  }
})
