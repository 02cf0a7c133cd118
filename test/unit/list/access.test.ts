import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { accessProblems } from '../../../src/list/access-problems.ts'
import { creatingAccess } from '../../../src/list/access.ts'
import type { Verdict } from '../../../src/list/access.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { atOnce } from '../../../src/list/steps.ts'
import { canonicalNamed, repositoryNamed } from '../../../src/mirror/target.ts'
import { parseTag } from '../../../src/oci/name.ts'
import { addressing } from '../../support/addressing.ts'

interface Texts {
  readonly allow?: readonly string[]
  readonly block?: readonly string[]
}

function listsOf({ allow, block }: Texts) {
  const parsed = (name: string, lines: readonly string[] | undefined) =>
    lines && parseList({ name, text: lines.join('\n') })
  return { allow: parsed('allows.txt', allow), block: parsed('block.txt', block) }
}

// Of `ghcr.io/org/app` or `ghcr.io/org/app:1`.
function verdict(texts: Texts, image: string): Verdict {
  const lists = listsOf(texts)
  assert.deepEqual(accessProblems(lists), [])
  const access = atOnce(creatingAccess(lists, (name) => canonicalNamed(name, addressing)))
  const [, name = '', typed] = /^([^:]*(?::\d+\/[^:]*)?)(?::(.*))?$/.exec(image) ?? []
  const repository = repositoryNamed(name, addressing)
  assert.ok(repository, name)
  return access.verdict(repository, typed === undefined ? undefined : parseTag(typed))
}

function table(texts: Texts, rows: Readonly<Record<string, Verdict>>): void {
  for (const [image, wanted] of Object.entries(rows)) {
    const lines = [...(texts.allow ?? []), ...(texts.block ?? []).map((line) => `block ${line}`)]
    test(`${lines.join(' | ') || 'no list'}: ${image} is ${wanted}`, () =>
      assert.equal(verdict(texts, image), wanted))
  }
}

const DIGEST = `sha256:${'a'.repeat(64)}`
const SIGNATURE = `sha256-${'a'.repeat(64)}.sig`

suite('what may be had', () => {
  table({}, { 'nginx:1': 'allowed', 'ghcr.io/org/app': 'allowed' })
  table(
    { allow: ['nginx', 'docker.io/me/app', 'k8s.gcr.io/pause', 'lab/team/app'] },
    {
      nginx: 'allowed',
      'docker.io/library/nginx:1': 'allowed',
      'registry-1.docker.io/me/app:2': 'allowed',
      'registry.k8s.io/pause:3.9': 'allowed',
      'lab.test:5000/team/app:1': 'allowed',
      redis: 'unlisted',
      'me/app2:1': 'unlisted',
      'ghcr.io/me/app': 'unlisted',
    },
  )
  table(
    { allow: ['redis:7,7.*', 'node:^v?2[02]\\.', 'redis:6'] },
    {
      redis: 'allowed',
      'redis:7': 'allowed',
      'redis:7.4-alpine': 'allowed',
      'redis:6': 'allowed',
      'redis:8': 'unlisted-tag',
      'node:v22.1.0': 'allowed',
      'node:latest': 'unlisted-tag',
      // What belongs to an image by its digest comes with it.
      [`redis:${SIGNATURE}`]: 'allowed',
      [`redis:${SIGNATURE.replace('.sig', '')}`]: 'allowed',
      [`nginx:${SIGNATURE}`]: 'unlisted',
      [`redis:${SIGNATURE}.old`]: 'unlisted-tag',
    },
  )
  // Several lines of one repository allow what any of them allows.
  table({ allow: ['redis:7', 'redis'] }, { 'redis:8': 'allowed' })
  table(
    { allow: [`redis@${DIGEST}`, `node:1@${DIGEST}`] },
    { redis: 'allowed', 'redis:7': 'unlisted-tag', 'node:1': 'allowed', 'node:2': 'unlisted-tag' },
  )
  // Options that say which tags a line can mean count, those that choose among them do not.
  table(
    { allow: ['redis semver=">=7 <8"', 'node:*,next variant=alpine not=20*', 'nginx not=*-perl'] },
    {
      'redis:7.4': 'allowed',
      'redis:8.0': 'unlisted-tag',
      'redis:latest': 'unlisted-tag',
      'node:22-alpine': 'allowed',
      'node:20-alpine': 'unlisted-tag',
      'node:22': 'unlisted-tag',
      'node:next': 'allowed',
      'nginx:1.27': 'allowed',
      'nginx:1.27-perl': 'unlisted-tag',
    },
  )
  table(
    { allow: ['redis:7.* newest=1 min=3 max=4 used=1d', 'nginx newest=2'] },
    { 'redis:7.0': 'allowed', 'nginx:latest': 'allowed' },
  )
  table(
    { allow: ['@defaults bare=latest', '@exclude *-rc*', 'redis', '@window 01:00-06:00'] },
    { 'redis:7': 'allowed', 'redis:7-rc1': 'allowed' },
  )
  table(
    {
      allow: [
        'ghcr.io/org/*',
        'quay.io/**',
        'docker.io/pre-*',
        '!quay.io/bad/*',
        '!quay.io/a/b:*-rc*',
      ],
    },
    {
      'ghcr.io/org/app:1': 'allowed',
      'ghcr.io/org/app/sub': 'unlisted',
      'quay.io/x/y/z:1': 'allowed',
      'pre-app:1': 'allowed',
      'me/pre-app': 'unlisted',
      'quay.io/bad/app': 'blocked',
      'quay.io/bad/app/sub': 'allowed',
      'quay.io/a/b': 'allowed',
      'quay.io/a/b:1': 'allowed',
      'quay.io/a/b:1-rc1': 'blocked-tag',
    },
  )
  table(
    { allow: ['quay.io/** not=*-rc*', '!quay.io/a/b', 'quay.io/a/b'] },
    { 'quay.io/x/y:1-rc1': 'unlisted-tag', 'quay.io/x/y:1': 'allowed', 'quay.io/a/b': 'blocked' },
  )
  table(
    { block: ['docker.io/me/**', 'redis:7.*', 'redis:latest'] },
    {
      'me/app': 'blocked',
      'redis:7.1': 'blocked-tag',
      'redis:latest': 'blocked-tag',
      'redis:8': 'allowed',
      redis: 'allowed',
    },
  )
  table(
    { allow: ['**'.padStart(12, 'docker.io/')], block: ['redis'] },
    { redis: 'blocked', nginx: 'allowed' },
  )
  // A list's own names for registries.
  table(
    { allow: ['@registry ghcr.io alias=gh.lan', 'gh.lan/org/*', '!gh.lan/org/bad'] },
    { 'ghcr.io/org/app': 'allowed', 'ghcr.io/org/bad': 'blocked' },
  )
  // A registry that is not served: nothing of it can be asked for.
  table({ allow: ['cr.l5d.io/**', 'nginx'] }, { nginx: 'allowed', redis: 'unlisted' })

  test('a line that is wrong is a problem of the list, in either kind', () => {
    const problems = accessProblems(listsOf({ allow: ['nginx', 'ngi nx:1'], block: ['a//b'] }))
    assert.deepEqual(
      problems.map(({ source, line }) => `${source}:${line}`),
      ['allows.txt:2', 'block.txt:1'],
    )
  })

  test('a block list holds no "!" and no digest, and an allow list may', () => {
    const lines = ['!redis', `redis@${DIGEST}`, `redis:7@${DIGEST}`, 'redis:7']
    assert.deepEqual(accessProblems(listsOf({ allow: lines })), [])
    const problems = accessProblems(listsOf({ block: lines }))
    assert.deepEqual(
      problems.map(({ line }) => line),
      [1, 2, 3],
    )
    assert.match(problems[0]?.message ?? '', /^"!" stands in an allow list/)
    assert.match(problems[1]?.message ?? '', /^a digest cannot be blocked/)
  })
})
