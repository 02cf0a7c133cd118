// A warm run where nobody sees it being drawn: in a pipe, for a program, and quietly.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmCause } from '../../../src/care/warm-job.ts'
import {
  endedOf,
  failureOf,
  HandMovedTime,
  inFlightOf,
  MIB,
  priceOf,
  progressOf,
  reportOf,
  resultOf,
  rowOf,
  shownOn,
} from '../../support/warm-shown.ts'

const FAILED = { kind: 'result', ...failureOf('docker.io/library/ngnix:1.25') } as const
const WHOLE = endedOf(reportOf({ totals: { references: 1, warmed: 1, bytesNew: MIB } }))
const LAST = 'warmed 1 of 1 image in 41m (1 MiB new)'

function setting(more: Parameters<typeof shownOn>[2] = {}, isTTY = false) {
  const written: string[] = []
  const time = new HandMovedTime()
  const output = { isTTY, write: (text: string) => written.push(text) > 0 }
  const lines = (): readonly string[] => written.join('').split('\n').slice(0, -1)
  return { lines, time, display: shownOn(output, time, more) }
}

test('a pipe has one line for each image that was not fresh already, and one for all that were', () => {
  const { lines, display } = setting()
  display.progress(progressOf({ phase: 'planning' }))
  for (let fresh = 0; fresh < 812; fresh += 1) display.row(rowOf({ status: 'fresh' }))
  display.row(FAILED)
  display.progress(progressOf({ phase: 'manifests' }))
  display.row({ kind: 'notice', text: 'docker.io: waiting 38 s' })
  display.row(rowOf({ bytesNew: MIB }))
  display.row(rowOf({ status: 'left', because: 'quota' }))
  display.row(rowOf({ status: 'fresh' }))
  display.end(WHOLE)
  assert.deepEqual(lines(), [
    'failed  docker.io/library/ngnix:1.25: it does not exist',
    'fresh   812 images, whole and unchanged',
    'note    docker.io: waiting 38 s',
    'warmed  docker.io/library/nginx:1.27  1 MiB new',
    'fresh   1 image, whole and unchanged',
    LAST,
  ])
})

test('a registry that gives nothing at all is not told for each of its images', () => {
  const { lines, display } = setting()
  let line = 0
  const fails = (name: string, cause: WarmCause): void => {
    line += 1
    const places = [{ source: 'mirror.txt', line }]
    const registry = 'quay.io'
    const why = { status: 'failed', cause, because: 'why' } as const
    display.row(rowOf({ reference: name, registry, places, ...why }))
  }
  for (let at = 1; at <= 40; at += 1) fails(`quay.io/a/b:${at}`, 'unreachable')
  fails('quay.io/a/c:1', 'not-found')
  fails('quay.io/a/d:1', 'rate-limited')
  display.end(WHOLE)
  assert.deepEqual(lines(), [
    ...[1, 2, 3].map((at) => `failed  quay.io/a/b:${at}: why`),
    'failed  quay.io/a/c:1: why',
    'failed  quay.io/a/d:1: why',
    'failed  37 more images of quay.io, for the same reason (the first: mirror.txt:4)',
    LAST,
  ])
})

test('silence in a pipe is broken every 30 s, also when nothing moves', () => {
  const { lines, time, display } = setting()
  time.pass(29_999)
  display.progress(
    progressOf({
      running: 4,
      inFlight: [
        inFlightOf('docker.io/library/nginx:1.27'),
        { reference: 'ghcr.io/acme/app:v3', doneBytes: 0, totalBytes: undefined },
      ],
      quotas: [{ registry: 'docker.io', remaining: 57 }],
      waitingFor: 'live pulls go first',
    }),
  )
  assert.deepEqual(lines(), [])
  time.pass(1)
  const heartbeat =
    'so far  12/37 images, 1.9 GiB of 6.4 GiB, 38 MiB/s, ETA 02:02, 4 running, docker.io 57 left; ' +
    'now nginx:1.27 (50 %), ghcr.io/acme/app:v3; live pulls go first'
  assert.deepEqual(lines(), [heartbeat])
  time.pass(60_000)
  assert.deepEqual(lines(), [heartbeat, heartbeat, heartbeat])
  display.end(WHOLE)
  time.pass(60_000)
  assert.equal(lines().at(-1), LAST)
  assert.equal(time.planned, 0)
})

test('a plan and a check name what is stale, and only a run and a plan have a price', () => {
  for (const [asked, isPriced] of [
    ['run', true],
    ['plan', true],
    ['check', false],
  ] as const) {
    const { lines, display } = setting({ asked })
    display.row(rowOf({ status: 'stale' }))
    display.row({ kind: 'price', price: priceOf() })
    const price = isPriced ? ['price   to fetch: 23 of 37 images'] : []
    assert.deepEqual(lines(), ['stale   docker.io/library/nginx:1.27', ...price])
  }
})

for (const [where, isTTY, more] of [
  ['a pipe', false, {}],
  ['a pipe that is asked to be a terminal', false, { mode: 'tty' }],
  ['a dumb terminal, or a build', true, { isTerminalDumb: true }],
  ['a terminal that is asked for lines', true, { mode: 'plain' }],
] as const) {
  test(`${where} gets no escape and no carriage return`, () => {
    const { lines, time, display } = setting({ ...more, hasColor: true }, isTTY)
    for (let second = 0; second < 100; second += 1) {
      time.pass(1000)
      display.progress(progressOf())
      display.row(FAILED)
      display.row({ kind: 'notice', text: 'upstream says \u001b[31mno\r' })
      display.clear()
    }
    display.end(WHOLE)
    assert.doesNotMatch(lines().join(''), /[\u001b\r]/)
    assert.equal(lines().filter((line) => line.startsWith('so far')).length, 3)
  })
}

test('a program gets one JSON object per line: results, how far it is each second, and the end', () => {
  const { lines, time, display } = setting({ mode: 'json' }, true)
  const row = rowOf({ status: 'fresh', warnings: ['\u009b2J'] })
  display.row(row)
  const progress = progressOf()
  for (let tenths = 0; tenths < 20; tenths += 1) {
    display.progress(progress)
    time.pass(100)
  }
  const report = reportOf({ results: [resultOf()] })
  display.end(endedOf(report, '/d/warm-failed.txt'))
  const { results: _, ...rest } = report
  const written = [
    row,
    { kind: 'progress', ...progress },
    { kind: 'progress', ...progress },
    { kind: 'ended', report: rest, failedList: '/d/warm-failed.txt' },
  ]
  assert.deepEqual(
    lines().map((line) => JSON.parse(line) as unknown),
    JSON.parse(JSON.stringify(written)),
  )
  assert.doesNotMatch(lines().join(''), /\p{Cc}/u)
})

test('quietly: what failed, and the last word', () => {
  const { lines, time, display } = setting({ mode: 'quiet' }, true)
  display.row(rowOf())
  display.row({ kind: 'notice', text: 'waiting' })
  display.row({ kind: 'price', price: priceOf() })
  display.row(FAILED)
  display.progress(progressOf())
  time.pass(60_000)
  display.end(WHOLE)
  assert.deepEqual(lines(), ['failed  docker.io/library/ngnix:1.25: it does not exist', LAST])
})
