import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rmJob } from '../../../src/care/removal.ts'
import { nearest } from '../../../src/lib/nearest.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { imageName } from '../../../src/oci/name.ts'
import type { RepositoryName, Tag } from '../../../src/oci/name.ts'
import type { HeldImage, IndexReader } from '../../../src/store/reader-port.ts'
import { repositoryNamed } from '../../../src/mirror/target.ts'

const plain = { literalNames: false }
const addressing = {
  registries: new Map([
    ['docker.io', plain],
    ['ghcr.io', plain],
    ['10.0.0.5:5000', plain],
  ]),
  aliases: new Map([['registry-1.docker.io', 'docker.io']]),
  pathAliases: new Map([['lab', '10.0.0.5:5000']]),
  hosts: new Map(),
  defaultRegistry: 'docker.io',
}
const DIGEST = digestOf(Buffer.from('untagged'))

const HELD = [
  held('docker.io', 'library/nginx', '1.26'),
  held('docker.io', 'library/nginx', '1.27'),
  held('docker.io', 'library/nginx', undefined),
  held('docker.io', 'org/app', 'latest'),
  held('ghcr.io', 'org/app', '1'),
  held('ghcr.io', 'org/deep/app', '1'),
  held('ghcr.io', 'org/tool', '.hidden'),
  held('10.0.0.5:5000', 'app', '1'),
  held('gone.example', 'app', '1'),
]

function held(registry: string, name: string, tag: string | undefined): HeldImage {
  return {
    ...{ registry, name: name as RepositoryName, tag: tag as Tag | undefined },
    ...{ digest: tag === undefined ? DIGEST : digestOf(Buffer.from(`${name}:${tag}`)) },
    ...{
      platforms: [],
      sizeBytes: 7,
      sharedBytes: 0,
      storedAt: 1,
      usedAt: undefined,
      pinnedBy: [],
    },
  }
}

const reader = {
  registries: () => Promise.resolve([...new Set(HELD.map(({ registry }) => registry))]),
  images: ({ registry, name, digestStartsWith = '' }) =>
    Promise.resolve({
      images: HELD.filter(
        (image) =>
          image.registry === registry &&
          ('is' in name ? image.name === name.is : image.name.startsWith(name.startsWith)) &&
          image.digest.startsWith(digestStartsWith),
      ),
      next: undefined,
    }),
  likeliestRepository: (registry, name) =>
    Promise.resolve(
      nearest(
        name,
        HELD.filter((image) => image.registry === registry).map((image) => image.name),
      ),
    ),
} as Partial<IndexReader> as IndexReader

async function removed(...references: string[]) {
  const gone = new Set<string>()
  const job = rmJob({
    reader,
    resolve: (name) => repositoryNamed(name, addressing),
    remove: (repository, reference) => {
      const name = imageName(repository, reference)
      const isHeld = HELD.some(
        (image) =>
          image.registry === repository.registry &&
          image.name === repository.name &&
          ('tag' in reference ? image.tag === reference.tag : image.digest === reference.digest),
      )
      if (!isHeld || gone.has(name)) return Promise.resolve(undefined)
      gone.add(name)
      return Promise.resolve({ freedBytes: 7 })
    },
  })
  const talk = { signal: new AbortController().signal, progress: () => {}, rows: async () => {} }
  const answer = await job({ references }, talk)
  return {
    removed: answer.removed.map(({ reference }) => reference),
    unknown: answer.unknown.map(({ reference, suggestion }) => [reference, suggestion]),
  }
}

const NGINX = 'docker.io/library/nginx'

for (const [typed, expected] of [
  ['nginx:1.27', [`${NGINX}:1.27`]],
  ['docker.io/library/nginx:1.27', [`${NGINX}:1.27`]],
  ['registry-1.docker.io/nginx:1.27', [`${NGINX}:1.27`]],
  ['org/app', ['docker.io/org/app:latest']],
  [`nginx@${DIGEST}`, [`${NGINX}@${DIGEST}`]],
  [`nginx:1.27@${DIGEST}`, [`${NGINX}@${DIGEST}`]],
  ['nginx:*', [`${NGINX}:1.26`, `${NGINX}:1.27`]],
  ['nginx:1.2[67]', [`${NGINX}:1.26`, `${NGINX}:1.27`]],
  ['ngi*', [`${NGINX}:1.26`, `${NGINX}:1.27`, `${NGINX}@${DIGEST}`]],
  ['ghcr.io/org/*', ['ghcr.io/org/app:1', 'ghcr.io/org/tool:.hidden']],
  ['ghcr.io/org/**', ['ghcr.io/org/app:1', 'ghcr.io/org/deep/app:1', 'ghcr.io/org/tool:.hidden']],
  ['*/app', ['docker.io/org/app:latest']],
  ['lab/app:1', ['10.0.0.5:5000/app:1']],
  ['alias:lab/app:1', ['10.0.0.5:5000/app:1']],
  ['10.0.0.5:5000/app:1', ['10.0.0.5:5000/app:1']],
  ['gone.example/app:1', ['gone.example/app:1']],
] as const) {
  test(`rm '${typed.replace(DIGEST, 'DIGEST')}' removes just what that names`, async () => {
    const found = await removed(typed)
    assert.deepEqual(found, { removed: expected, unknown: [] })
  })
}

test('what is not held is named with what was perhaps meant, and the others still go', async () => {
  const found = await removed('ngnix:1.27', 'nginx:1.28', 'nginx', 'zzz', 'x y', 'nginx:1.27')
  assert.deepEqual(found, {
    removed: [`${NGINX}:1.27`],
    unknown: [
      ['ngnix:1.27', NGINX],
      ['nginx:1.28', `${NGINX}:1.26`],
      ['nginx', NGINX],
      ['zzz', undefined],
      ['x y', undefined],
    ],
  })
})
