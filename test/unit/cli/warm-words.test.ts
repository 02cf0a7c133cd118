// What a person reads when a warm run has ended, for each way it can end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastWords, priceSentence, resultText } from '../../../src/cli/warm-words.ts'
import {
  endedOf,
  failureOf,
  GIB,
  MIB,
  priceOf,
  registryOf,
  reportOf,
  resultOf,
} from '../../support/warm-shown.ts'

const NO_FACTS = { reportFile: undefined, retryOptions: [] }
const FAILED_LIST = '/var/lib/regmirror/warm-failed.txt'

function said(
  report: Parameters<typeof reportOf>[0],
  failedList?: string,
  facts: Parameters<typeof lastWords>[1] = NO_FACTS,
): readonly string[] {
  const { lines, command = [] } = lastWords(endedOf(reportOf(report), failedList), facts)
  return lines.concat(command)
}

const FAILURES = [
  {
    ...failureOf('ghcr.io/acme/app:v3', 'ghcr.io does not show it without a login'),
    remedy: 'regmirror login ghcr.io',
  },
  { ...failureOf('docker.io/library/ngnix:1.25'), places: [{ source: 'mirror.txt', line: 29 }] },
]

test('what failed is told with its line, its cause, the next step and the command that tries again', () => {
  const report = {
    outcome: 'failures',
    totals: {
      references: 37,
      warmed: 21,
      fresh: 14,
      failed: 2,
      bytesNew: 6.4 * GIB,
      bytesReused: 11.2 * GIB,
    },
    registries: [
      registryOf({ pulls: 33, quotaLimit: 100, remainingAfter: 24, reserve: 20 }),
      registryOf({ registry: 'quay.io', pulls: 3 }),
    ],
    results: FAILURES,
  } as const
  const facts = { reportFile: 'night.json', retryOptions: ['--platform', 'linux/arm64'] }
  assert.deepEqual(said(report, FAILED_LIST, facts), [
    'warmed 21, already fresh 14, failed 2 of 37 images in 41m (6.4 GiB new, 11.2 GiB reused)',
    'docker.io: 33 pulls sent, 24 of 100 left, 20 kept in reserve',
    'failed  line 18  ghcr.io/acme/app:v3: ghcr.io does not show it without a login; regmirror login ghcr.io',
    'failed  line 29  docker.io/library/ngnix:1.25: it does not exist',
    'report: night.json',
    `try again with: regmirror warm --platform linux/arm64 ${FAILED_LIST}`,
  ])
})

const TOTALS = { references: 3, warmed: 1, fresh: 1, left: 1, bytesNew: MIB }
const LEFT = resultOf({ status: 'left', cause: 'until', because: 'not before 06:00' })

const ENDINGS = {
  'nothing to do': [{ totals: {} }, ['nothing to do: the list names no image']],
  'all fresh': [
    { totals: { references: 3, fresh: 3 } },
    ['3 images are whole and fresh, nothing to fetch (they were looked up in 41m)'],
  ],
  'all warmed': [
    { totals: { references: 1, warmed: 1, bytesNew: MIB } },
    ['warmed 1 of 1 image in 41m (1 MiB new)'],
  ],
  'no network': [
    {
      outcome: 'nothing',
      because: 'no registry can be reached',
      totals: { references: 3, failed: 3 },
    },
    ['nothing could be done: no registry can be reached'],
  ],
  interrupted: [
    {
      outcome: 'interrupted',
      because: 'the command that began this run was interrupted',
      totals: TOTALS,
    },
    [
      'warmed 1, already fresh 1, left for the next run 1 of 3 images in 41m (1 MiB new)',
      'the command that began this run was interrupted: what is stored is kept, the same command goes on from there',
    ],
  ],
  'interrupted at once': [
    { outcome: 'interrupted' },
    [
      'interrupted before anything was done',
      'it was interrupted: what is stored is kept, the same command goes on from there',
    ],
  ],
  'nothing new': [
    { outcome: 'failures', totals: { references: 3, fresh: 2, failed: 1, bytesReused: MIB } },
    ['already fresh 2, failed 1 of 3 images in 41m'],
  ],
  'a check that found something stale': [
    { mode: 'check', outcome: 'stale', totals: { references: 3, stale: 1, fresh: 2 } },
    ['stale 1, fresh 2 of 3 images, looked up in 41m'],
  ],
  'a plan with too few pulls left': [
    {
      mode: 'plan',
      totals: { references: 90, stale: 60, fresh: 30 },
      registries: [
        registryOf({ plannedPulls: 120, quotaLimit: 100, remainingBefore: 57, reserve: 20 }),
      ],
    },
    [
      'to fetch 60, fresh 30 of 90 images, looked up in 41m',
      'docker.io: up to 120 pulls needed and 57 left, of which 20 are kept for others (--reserve): ' +
        'one run can use 37, what is missing then is left for the next',
    ],
  ],
  'a plan with too few pulls left for what its list keeps': [
    {
      mode: 'plan',
      totals: { references: 9, stale: 9 },
      registries: [
        registryOf({ plannedPulls: 9, remainingBefore: 27, reserve: 25, isReserveOfList: true }),
      ],
    },
    [
      'to fetch 9 of 9 images, looked up in 41m',
      'docker.io: up to 9 pulls needed and 27 left, of which 25 are kept for others ' +
        '(@registry reserve=): one run can use 2, what is missing then is left for the next',
    ],
  ],
  'a plan that fits': [
    {
      mode: 'plan',
      totals: { references: 9, stale: 6, fresh: 3 },
      registries: [
        registryOf({ plannedPulls: 12, quotaLimit: 100, remainingBefore: 57, reserve: 20 }),
      ],
    },
    ['to fetch 6, fresh 3 of 9 images, looked up in 41m'],
  ],
  'too many requests, and a platform that does not exist': [
    {
      totals: { references: 1, warmed: 1, bytesNew: MIB },
      registries: [registryOf({ pulls: 2, rateLimited: 1, waitedMs: 38_000 })],
      results: [resultOf({ warnings: ['linux/s390x does not exist'] })],
    },
    [
      'warmed 1 of 1 image in 41m (1 MiB new)',
      'docker.io: 2 pulls sent, refused 1 time for too many requests, waited 38.0s',
      'warning: docker.io/library/nginx:1.27: linux/s390x does not exist',
    ],
  ],
} as const

for (const [name, [report, lines]] of Object.entries(ENDINGS)) {
  test(`the last words: ${name}`, () => assert.deepEqual(said(report), lines))
}

test('what is over the budget is not told to be for the next run', () => {
  const totals = { references: 5, warmed: 1, left: 4 }
  const unkept = resultOf({ status: 'left', cause: 'budget' })
  const [first] = said({ outcome: 'over-budget', totals, results: [unkept, unkept, unkept, LEFT] })
  assert.equal(
    first,
    'warmed 1, left for the next run 1, over the budget 3 of 5 images in 41m (0 B new)',
  )
})

test('what is left for the next run is named, with the command that goes on', () => {
  const because = 'its time was up'
  assert.deepEqual(
    said({ outcome: 'left', because, totals: TOTALS, results: [LEFT] }, FAILED_LIST),
    [
      'warmed 1, already fresh 1, left for the next run 1 of 3 images in 41m (1 MiB new)',
      `not all was done: ${because}`,
      'left    line 18  docker.io/library/nginx:1.27: not before 06:00',
      `go on with: regmirror warm ${FAILED_LIST}`,
    ],
  )
})

test('of very many failures the first are told, and where the others are', () => {
  const results = Array.from({ length: 32 }, (_, at) => failureOf(`quay.io/a/b:${at}`))
  const lines = said(
    { outcome: 'failures', totals: { references: 32, failed: 32 }, results },
    FAILED_LIST,
  )
  assert.equal(lines.filter((line) => line.startsWith('failed  line')).length, 20)
  assert.equal(lines.at(-2), `and 12 more in ${FAILED_LIST}`)
})

test('with several lists each failure names its own, and the command line has no lines', () => {
  const places = [{ source: 'night.txt', line: 3 }]
  const results = [
    { ...failureOf('quay.io/a/b:1'), places },
    { ...failureOf('quay.io/a/b:2'), places: [{ source: 'command line', line: 1 }] },
  ]
  const sources = ['night.txt', 'command line']
  const totals = { references: 2, failed: 2 }
  assert.deepEqual(said({ outcome: 'failures', sources, totals, results }).slice(1), [
    'failed  night.txt:3  quay.io/a/b:1: it does not exist',
    'failed  quay.io/a/b:2: it does not exist',
  ])
})

test('a list that includes another names both, and so does what is of one of them only', () => {
  const places = [{ source: 'i.txt', line: 2 }]
  const results = [{ ...failureOf('quay.io/a/b:1'), places }]
  const report = { outcome: 'failures', totals: { references: 1, failed: 1 }, results } as const
  const line = 'failed  i.txt:2  quay.io/a/b:1: it does not exist'
  assert.equal(said({ ...report, sources: ['inc.txt'] })[1], line)
  assert.equal(said({ ...report, sources: ['i.txt'] })[1], line.replace('i.txt:2', 'line 2'))
})

test('where every image failed for a reason of its own, each is told', () => {
  const report = {
    outcome: 'nothing',
    because: 'all 2 images failed',
    totals: { references: 2, failed: 2 },
    results: FAILURES,
  } as const
  assert.deepEqual(said(report, FAILED_LIST), [
    'nothing could be done: all 2 images failed',
    'failed  line 18  ghcr.io/acme/app:v3: ghcr.io does not show it without a login; regmirror login ghcr.io',
    'failed  line 29  docker.io/library/ngnix:1.25: it does not exist',
    `try again with: regmirror warm ${FAILED_LIST}`,
  ])
})

for (const cause of ['unreachable', 'offline', 'disk'] as const) {
  test(`where every image failed for one thing (${cause}), it is told once`, () => {
    const because = 'the one thing'
    const results = FAILURES.map((result) => ({ ...result, cause, because }))
    const totals = { references: 2, failed: 2 }
    assert.deepEqual(said({ outcome: 'nothing', because, totals, results }), [
      'nothing could be done: the one thing',
    ])
    const mixed = [...results, failureOf('quay.io/a/b:1')]
    assert.equal(said({ outcome: 'nothing', because, totals, results: mixed }).length, 4)
  })
}

test('the command to copy shows what a terminal would obey as its bytes', () => {
  const totals = { references: 2, failed: 2 }
  const lines = said({ outcome: 'failures', totals }, "/srv/\u001b[31m o'k\u202e/warm-failed.txt")
  const quoted = `$'/srv/\\033[31m o\\047k\\342\\200\\256/warm-failed.txt'`
  assert.equal(lines.at(-1), `try again with: regmirror warm ${quoted}`)
})

test('the command to copy is quoted for a shell', () => {
  const totals = { references: 2, failed: 2 }
  const lines = said({ outcome: 'failures', totals }, "/srv/o'ffice mirror/warm-failed.txt")
  assert.equal(
    lines.at(-1),
    `try again with: regmirror warm '/srv/o'\\''ffice mirror/warm-failed.txt'`,
  )
})

test('a run that was handed over says where to look', () => {
  const taken = lastWords({ kind: 'taken', run: 'x', ahead: 2 }, NO_FACTS)
  assert.deepEqual(taken, {
    lines: ['the running server warms it after 2 runs ahead of it'],
    command: 'look at it with: regmirror warm --last',
  })
})

test('what a registry wrote cannot command the terminal', () => {
  const because = 'denied: \u001b]0;owned\u0007\u001b[2J\r\nfailed  \u202eevil\u009b31m'
  const [, line = ''] = said({
    outcome: 'failures',
    totals: { references: 2, failed: 2 },
    results: [failureOf('quay.io/a/b:1', because)],
  })
  assert.doesNotMatch(line, /[\p{Cc}\p{Bidi_Control}]/u)
  assert.match(line, /^failed {2}line 18 {2}quay\.io\/a\/b:1: denied: .*evil/)
})

test('the price is told before it is paid', () => {
  const registries = [registryOf({ plannedPulls: 33 }), registryOf({ registry: 'quay.io' })]
  assert.equal(
    priceSentence(priceOf({ registries, knownBytes: GIB, unknownSizes: 20 })),
    'to fetch: 23 of 37 images; at most 33 pulls of docker.io, 1 GiB known to be missing, 20 sizes not known yet',
  )
  assert.equal(priceSentence(priceOf({ stale: 1, references: 1 })), 'to fetch: 1 of 1 image')
})

test('an image is told with what it took, what is wrong with it and what to do', () => {
  assert.equal(
    resultText(resultOf({ bytesNew: 12.5 * MIB, warnings: ['linux/s390x does not exist'] })),
    'docker.io/library/nginx:1.27  12.5 MiB new; linux/s390x does not exist',
  )
  assert.equal(resultText(resultOf({ status: 'stale' })), 'docker.io/library/nginx:1.27')
})
