import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rmJob } from '../../../src/care/removal.ts'
import { allNear } from '../../../src/lib/nearest.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
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
  held('docker.io', 'library/want', '2'),
  { ...held('ghcr.io', 'twins/app', 'a'), digest: `sha256:${'ab'.repeat(32)}` as Digest },
  { ...held('ghcr.io', 'twins/app', 'b'), digest: `sha256:${'ab'.repeat(31)}cd` as Digest },
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
  likelyRepositories: (registry, name) =>
    Promise.resolve([
      // Known from a listing, and not held.
      ...(name === 'library/wanted' ? ['library/wantee'] : []),
      ...allNear(
        name,
        HELD.filter((image) => image.registry === registry).map((image) => image.name),
      ),
    ]),
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
    unknown: answer.unknown.map(({ reference, is, held }) => [reference, is, ...held]),
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
  [`nginx@${DIGEST.slice(0, 19)}`, [`${NGINX}@${DIGEST}`]],
  [`docker.io/library/*@${DIGEST.slice(0, 19)}`, [`${NGINX}@${DIGEST}`]],
  ['docker.io/library/ngi*:1.26', [`${NGINX}:1.26`]],
  ['docker.io/nginx:1.*', [`${NGINX}:1.26`, `${NGINX}:1.27`]],
  ['**:1.2?', [`${NGINX}:1.26`, `${NGINX}:1.27`]],
  ['docker.io/**:latest', ['docker.io/org/app:latest']],
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

test('what is not held is named with images that are held, and the others still go', async () => {
  const found = await removed('ngnix:1.27', 'nginx:1.28', 'nginx', 'zzz', 'x y', 'nginx:1.27')
  const tags = [`${NGINX}:1.26`, `${NGINX}:1.27`]
  assert.deepEqual(found, {
    removed: [`${NGINX}:1.27`],
    unknown: [
      ['ngnix:1.27', 'not-held', `${NGINX}:1.27`],
      ['nginx:1.28', 'not-held', ...tags],
      ['nginx', 'not-held', ...tags],
      ['zzz', 'not-held'],
      ['x y', 'not-held'],
    ],
  })
})

test('a repository that is only known is not suggested', async () => {
  const { unknown } = await removed('wanted')
  assert.deepEqual(unknown, [['wanted', 'not-held', 'docker.io/library/want:2']])
})

test('a pattern that matches nothing is met with no guess, and names no namespace by itself', async () => {
  const patterns = ['docker.io/*', 'docker.io/ngi*', 'nginx:9*', 'nowhere.example/*', '*:none']
  assert.deepEqual(await removed(...patterns), {
    removed: [],
    unknown: patterns.map((each) => [each, 'unmatched']),
  })
})

test('the beginning of a digest removes nothing where it is short or means several images', async () => {
  const app = 'ghcr.io/twins/app'
  const [short, both] = [`${app}@sha256:ababababab`, `${app}@sha256:abababababab`]
  const one = `${app}@sha256:${'ab'.repeat(31)}c`
  assert.deepEqual(await removed(short, both, one), {
    removed: [`${app}:b`],
    unknown: [
      [short, 'too-short'],
      [both, 'ambiguous', `${app}@sha256:${'ab'.repeat(32)}`, `${app}@sha256:${'ab'.repeat(31)}cd`],
    ],
  })
})
