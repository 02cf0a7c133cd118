import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  GcAnswer,
  ImageRow,
  RmAnswer,
  StatsAnswer,
  VerifyAnswer,
} from '../../../src/care/jobs.ts'
import { columnsText } from '../../../src/cli/columns.ts'
import { gcSentence } from '../../../src/cli/gc.ts'
import { imageAsJson, imageTable } from '../../../src/cli/image-table.ts'
import { rmSentences } from '../../../src/cli/rm.ts'
import { statsAsJson, statsText } from '../../../src/cli/stats-table.ts'
import { verifySentence } from '../../../src/cli/verify.ts'
import type { Digest } from '../../../src/oci/digest.ts'

const NOW = Date.UTC(2026, 10, 22, 12)
const HOUR_MS = 3_600_000
const MIB = 2 ** 20
const DIGEST = `sha256:${'ab'.repeat(32)}` as Digest

const tagged: ImageRow = {
  registry: 'docker.io',
  repository: 'library/nginx',
  tag: '1.27',
  digest: DIGEST,
  platforms: [
    { platform: 'linux/amd64', isComplete: true },
    { platform: 'linux/arm64/v8', isComplete: false },
  ],
  sizeBytes: 68 * MIB,
  sharedBytes: 30 * MIB,
  storedAt: NOW - 72 * HOUR_MS,
  lastPullAt: NOW - 2 * HOUR_MS,
  pinnedBy: ['mirror.txt'],
}
const untagged: ImageRow = {
  ...tagged,
  tag: undefined,
  platforms: [{ platform: '', isComplete: true }],
  lastPullAt: undefined,
  pinnedBy: [],
}

test('in a pipe every name is whole', () => {
  const lines = imageTable([tagged, untagged], NOW, undefined).split('\n')
  assert.match(lines[0] ?? '', /^IMAGE +PLATFORMS +SIZE +SHARED +AGE +LAST PULL +PINNED$/)
  assert.match(
    lines[1] ?? '',
    /^docker\.io\/library\/nginx:1\.27 +linux\/amd64, linux\/arm64\/v8 \(partial\) +68 MiB +30 MiB +3d +2h +mirror\.txt$/,
  )
  assert.match(
    lines[2] ?? '',
    new RegExp(`^docker\\.io/library/nginx@${DIGEST} +complete +68 MiB +30 MiB +3d +- +-$`),
  )
})

test('where nothing is pinned there is no column for it, and what just came says so', () => {
  const row = { ...untagged, storedAt: NOW - 59_000, lastPullAt: NOW + 1 }
  const [head, line] = imageTable([row], NOW, undefined).split('\n')
  assert.match(head ?? '', /LAST PULL$/)
  assert.match(line ?? '', / just now +just now$/)
})

test('on a terminal no line is longer than it is wide, and digests are short', () => {
  const images = [tagged, untagged].map((image) => ({ ...image, pinnedBy: [] }))
  for (const width of [80, 100, 120]) {
    for (const line of imageTable(images, NOW, width).split('\n')) {
      assert.ok(line.length <= width, line)
    }
  }
  for (const width of [80, 100, 200]) {
    assert.match(imageTable([untagged], NOW, width), /@sha256:abababababab /)
  }
})

test('a terminal too narrow for the platforms is told how many are whole', () => {
  const narrow = imageTable([tagged, untagged], NOW, 80).split('\n')
  assert.match(narrow[1] ?? '', / 1 complete, 1 partial /)
  assert.match(narrow[2] ?? '', / complete /)
  assert.doesNotMatch(imageTable([tagged], NOW, 120), /1 partial/)
})

test('no two images look alike on a narrow terminal, and each keeps its tag', () => {
  const name = 'organisation/with/a/very/long/name'
  const images = [
    { ...tagged, repository: `${name}/for/its/first/application`, tag: '1.27.3-alpine' },
    { ...tagged, repository: `${name}/for/its/other/application`, tag: '1.27.3-alpine' },
    { ...tagged, repository: `${name}/for/its/other/application`, tag: '1.27.4-alpine' },
    { ...untagged, repository: `${name}/application` },
  ]
  const shown = imageTable(images, NOW, 80).split('\n').slice(1, -1)
  const names = shown.map((line) => line.split(' ')[0] ?? '')
  assert.equal(new Set(names).size, images.length, names.join('\n'))
  assert.deepEqual(
    names.map((each) => /(:|@).*$/.exec(each)?.[0]),
    [':1.27.3-alpine', ':1.27.3-alpine', ':1.27.4-alpine', '@sha256:abababababab'],
  )
  assert.match(names[2] ?? '', /^docker\S*…\S*:1\.27\.4-alpine$/)
})

test('the widest column gives way first, and none below its least', () => {
  const columns = [{ title: 'A', shrinksTo: 4 }, { title: 'B', shrinksTo: 4 }, { title: 'C' }]
  const rows = [['a'.repeat(20), 'b'.repeat(8), 'cc']]
  assert.equal(
    columnsText(columns, rows, 22).split('\n')[1],
    `${'a'.repeat(7)}…  ${'b'.repeat(8)}  cc`,
  )
  assert.equal(columnsText(columns, rows, 3).split('\n')[1], 'aaa…  bbb…  cc')
})

test('JSON has exact numbers, ISO times and nulls for what is not', () => {
  assert.deepEqual(imageAsJson(tagged), {
    reference: 'docker.io/library/nginx:1.27',
    registry: 'docker.io',
    repository: 'library/nginx',
    tag: '1.27',
    digest: DIGEST,
    platforms: [
      { platform: 'linux/amd64', complete: true },
      { platform: 'linux/arm64/v8', complete: false },
    ],
    sizeBytes: 68 * MIB,
    sharedBytes: 30 * MIB,
    storedAt: '2026-11-19T12:00:00.000Z',
    lastPullAt: '2026-11-22T10:00:00.000Z',
    pinnedBy: ['mirror.txt'],
  })
  const { tag, lastPullAt, platforms } = imageAsJson(untagged) as Record<string, unknown>
  assert.deepEqual([tag, lastPullAt, platforms], [null, null, [{ platform: null, complete: true }]])
})

const answer: StatsAnswer = {
  days: [
    {
      ...{ day: '2026-11-21', registry: 'docker.io' },
      ...{ hits: 5, joins: 1, misses: 2, stale: 0, servedBytes: 100 * MIB, fetchedBytes: 10 * MIB },
    },
    {
      ...{ day: '2026-11-22', registry: 'ghcr.io' },
      ...{ hits: 1, joins: 0, misses: 4, stale: 3, servedBytes: 0, fetchedBytes: 20 * MIB },
    },
  ],
  store: {
    ...{ blobs: 12, blobBytes: 50 * MIB, stagedBytes: 2 * MIB, quarantinedBytes: 0 },
    ...{ indexBytes: 4 * MIB, maxBytes: 200 * MIB, minFreeBytes: 5 * MIB, freeBytes: 900 * MIB },
  },
  quotas: [
    {
      ...{ registry: 'docker.io', limit: 100, remaining: 76, windowSeconds: 21_600 },
      toldAt: NOW - 120_000,
    },
  ],
}

test('what was saved is what did not have to be fetched, and never less than nothing', () => {
  const text = statsText(answer, NOW, undefined)
  assert.match(text, /^2026-11-21 +docker\.io +5 +1 +2 +0 +100 MiB +10 MiB +90 MiB$/m)
  assert.match(text, /^2026-11-22 +ghcr\.io +1 +0 +4 +3 +0 B +20 MiB +0 B$/m)
  assert.match(text, /^total +6 +1 +6 +3 +100 MiB +30 MiB +70 MiB$/m)
  assert.match(text, /^store: 56 MiB of 200 MiB; 900 MiB free on the disk, 5 MiB to be left free$/m)
  assert.match(text, /^docker\.io: 76 of 100 pulls left in 6h, as told 2m ago$/m)
  const { total } = statsAsJson(answer) as { total: object }
  assert.deepEqual(total, {
    ...{ hits: 6, joins: 1, misses: 6, stale: 3 },
    ...{ servedBytes: 100 * MIB, fetchedBytes: 30 * MIB, savedBytes: 70 * MIB },
  })
})

test('a store without a limit of its own says so, and so does one nobody pulled from', () => {
  const store = { ...answer.store, maxBytes: undefined, freeBytes: undefined }
  const text = statsText({ days: [], store, quotas: [] }, NOW, 80)
  assert.match(text, /^no pulls were counted/)
  assert.match(text, /56 MiB without a limit of its own; 5 MiB to be left free$/m)
})

test('what was removed and what is not there is said one by one', () => {
  const removed = [
    { reference: 'docker.io/library/nginx:1', freedBytes: MIB },
    { reference: 'docker.io/library/nginx:2', freedBytes: 0 },
  ]
  const unknown: RmAnswer['unknown'] = [
    { reference: 'ngnix', is: 'not-held', held: ['docker.io/library/nginx:1'] },
    { reference: 'app:4', is: 'not-held', held: ['app:1', 'app:2', 'app:3'] },
    { reference: 'xyz', is: 'not-held', held: [] },
    { reference: 'x*', is: 'unmatched', held: [] },
    { reference: 'x@sha256:0123456789ab', is: 'ambiguous', held: ['x@1', 'x@2'] },
    { reference: 'x@sha256:01', is: 'too-short', held: [] },
  ]
  assert.deepEqual(rmSentences({ removed, unknown }), [
    'removed docker.io/library/nginx:1 (1 MiB freed)',
    'removed docker.io/library/nginx:2 (0 B freed)',
    '2 removed, 1 MiB freed',
    'ngnix is not cached; did you mean docker.io/library/nginx:1?',
    'app:4 is not cached; did you mean app:1, app:2 or app:3?',
    'xyz is not cached',
    "nothing cached matches 'x*'",
    'x@sha256:0123456789ab may mean x@1 or x@2: give more of the digest',
    'x@sha256:01 may mean many images: give 12 digits of the digest or more',
  ])
})

const whole = { isInterrupted: false }
const part = { isInterrupted: true }

test('gc ends with one sentence', () => {
  const none = {
    images: 0,
    blobs: 0,
    downloads: 0,
    freedBytes: 0,
    quarantined: 0,
    stillTooMuchBytes: 0,
  }
  const gone = { ...none, images: 1, blobs: 2, freedBytes: MIB }
  const said = (answer: GcAnswer, isPlan: boolean, how = whole): string =>
    gcSentence({ answer, ...how }, { isPlan })
  const what = '1 image, 2 blobs that no image needs: 1 MiB'
  assert.equal(said(gone, false), `removed ${what} freed`)
  assert.equal(said(gone, true), `would remove ${what}`)
  assert.equal(said(none, true), 'nothing would be removed')
  const still = 'stored: all of it was used in the last 10 minutes or is pinned'
  const full = { ...none, stillTooMuchBytes: 20 * MIB }
  const left = `20 MiB more than allowed`
  assert.equal(said(full, false), `nothing was removed; ${left} is still ${still}`)
  const part20 = { ...gone, stillTooMuchBytes: 20 * MIB }
  assert.equal(said(part20, true), `would remove ${what}; ${left} would still be ${still}`)
  assert.equal(said(gone, false, part), `interrupted: removed ${what} until then`)
  assert.equal(said(none, false, part), 'interrupted: nothing was removed until then')
  assert.equal(said(none, true, part), 'interrupted: nothing was found until then')
})

test('verify ends with one sentence, which says "all is well" only of all', () => {
  const said = (answer: VerifyAnswer, isDeep: boolean, how = whole): string =>
    verifySentence({ answer, ...how }, { isDeep })
  const one = { blobs: 1, bytes: MIB, bad: 0 }
  const two = { blobs: 2, bytes: MIB, bad: 1 }
  assert.equal(said(one, true), 'checked 1 blob (1 MiB) by its content: all is well')
  assert.match(said(two, false), /^checked 2 blobs .* by their size \(--deep.*: 1 bad, taken out/)
  assert.equal(said(one, true, part), 'interrupted after 1 blob: none bad so far')
  assert.equal(
    said(two, true, part),
    'interrupted after 2 blobs: 1 bad so far, taken out of service',
  )
})
