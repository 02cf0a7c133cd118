// Registries that refuse, fall silent, and tell how many pulls are left, or do not tell.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmReport } from '../../../src/care/warm-job.ts'
import { UpstreamError } from '../../../src/errors.ts'
import { buildImage } from '../../support/images.ts'
import { WarmDouble } from '../../support/warm-double.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
const LIST = NAMES.map((name) => `${name}:1`)
const images = NAMES.map((seed) => buildImage({ seed, form: 'oci', architectures: ['amd64'] }))
const DIGESTS = NAMES.map((name, n) => `${name}@${images[n]?.top.digest}`)

const tooMany = (retryAfterMs?: number) =>
  new UpstreamError('rate-limited', 'too many requests', { retryAfterMs })
const broken = () => new UpstreamError('bad-response', '503', { mayPass: true })

function filled(): WarmDouble {
  const double = new WarmDouble()
  images.forEach((image, n) => double.add(`docker.io/library/${NAMES[n]}`, '1', image))
  return double
}

function statusesOf({ results }: WarmReport): string[] {
  return results.map(({ status, cause }) => (cause === undefined ? status : `${status} ${cause}`))
}

function tookMs({ startedAt, endedAt }: WarmReport): number {
  return Date.parse(endedAt) - Date.parse(startedAt)
}

for (const [what, error, status, maxMs] of [
  ['for a minute', () => tooMany(MINUTE_MS), 'left rate-limited', 5 * MINUTE_MS],
  ['for 14 minutes', () => tooMany(14 * MINUTE_MS), 'left rate-limited', HOUR_MS],
  ['for an untold time', () => tooMany(), 'left rate-limited', MINUTE_MS],
  ['as broken', broken, 'failed bad-response', 10 * MINUTE_MS],
] as const) {
  test(`who refuses everything ${what} is given up soon, however much is wanted of it`, async () => {
    const double = new WarmDouble()
    const list = Array.from({ length: 100 }, (_, n) => `app${n}:1`)
    double.script = () => {
      throw error()
    }
    const report = await double.run(list)
    assert.deepEqual(new Set(statusesOf(report)), new Set([status]))
    assert.ok(tookMs(report) <= maxMs, `${tookMs(report) / MINUTE_MS} minutes`)
    assert.ok(double.count('HEAD') <= 100, `${double.count('HEAD')} HEADs`)
    const given = double.notices.filter((text) => text.includes('refuses everything'))
    assert.equal(given.length, status.startsWith('left') ? 1 : 0)
  })
}

test('a broken repository does not give up its registry', async () => {
  const double = filled()
  for (const tag of ['2', '3', '4', '5']) {
    images.slice(0, 1).forEach((image) => double.add('docker.io/library/a', tag, image))
  }
  double.script = ({ name }) => {
    if (name.startsWith('library/a:')) throw broken()
  }
  const report = await double.run(['a:1', 'a:2', 'a:3', 'a:4', 'a:5', 'b:1', 'c:1'], { jobs: 1 })
  assert.deepEqual(new Set(statusesOf(report).slice(0, 5)), new Set(['failed bad-response']))
  assert.deepEqual(statusesOf(report).slice(5), ['warmed', 'warmed'])
})

test('who refuses one thing and gives others is not given up', async () => {
  const double = filled()
  double.script = ({ what, name }) => {
    if (what === 'GET' && name.startsWith('library/a@')) throw tooMany()
  }
  const report = await double.run(LIST)
  assert.deepEqual(statusesOf(report), ['failed rate-limited', ...Array<string>(5).fill('warmed')])
})

test('a hiccup after a download of an hour costs nothing', async () => {
  const double = filled()
  let backAtMs: number | undefined
  double.script = ({ what }) => {
    if (what !== 'BLOB') return
    if (backAtMs === undefined) backAtMs = (double.nowMs += HOUR_MS) + 15_000
    if (double.nowMs < backAtMs) throw new UpstreamError('unreachable', 'connection reset')
  }
  const report = await double.run(LIST)
  assert.equal(report.totals.warmed, 6)
})

test('who gives no more manifests still gives the blobs of those that are here', async () => {
  const double = filled()
  let gets = 0
  double.script = ({ what }) => {
    if (what === 'GET' && (gets += 1) > 4) throw tooMany(HOUR_MS)
  }
  const report = await double.run(LIST)
  assert.equal(report.totals.warmed, 4)
  assert.equal(report.totals.left, 2)
})

test('a wait of nothing is not asked again at once, each time', async () => {
  const double = filled()
  const startedAt = double.nowMs
  let refusals = 3
  double.script = ({ what }) => {
    if (what === 'GET' && (refusals -= 1) >= 0) throw tooMany(0)
  }
  await double.run(['a:1'])
  assert.deepEqual(
    double.log.filter(({ what }) => what === 'GET').map(({ atMs }) => atMs - startedAt),
    [0, 1000, 3000, 7000],
  )
  assert.ok(!double.notices.join().includes('as told'))
})

test('of two waits that are told at once the longer is kept', async () => {
  const double = filled()
  const startedAt = double.nowMs
  const waits = [10_000, 38_000, 5000, 20_000]
  double.script = ({ what }) => {
    const waitMs = what === 'HEAD' ? waits.shift() : undefined
    if (waitMs !== undefined) throw tooMany(waitMs)
  }
  const report = await double.run(LIST.slice(0, 4))
  const again = double.log.filter(({ what }) => what === 'HEAD').slice(4)
  assert.deepEqual(new Set(again.map(({ atMs }) => atMs - startedAt)), new Set([38_000]))
  assert.equal(report.registries[0]?.waitedMs, 38_000)
})

test('of an untold wait and a told one the told one is kept', async () => {
  const double = filled()
  const startedAt = double.nowMs
  const waits = [10_000, undefined]
  double.random = 100
  double.script = ({ what }) => {
    if (what === 'HEAD' && waits.length > 0) throw tooMany(waits.shift())
  }
  await double.run(LIST.slice(0, 2))
  const again = double.log.filter(({ what }) => what === 'HEAD').slice(2)
  assert.deepEqual(new Set(again.map(({ atMs }) => atMs - startedAt)), new Set([10_000]))
})

test('what the mirror refuses by itself is neither a try nor a wait that was told', async () => {
  const double = filled()
  const startedAt = double.nowMs
  let pausedUntilMs = 0
  const sent: number[] = []
  double.script = ({ what }) => {
    if (what !== 'GET') return
    if (double.nowMs < pausedUntilMs) {
      const options = { retryAfterMs: pausedUntilMs - double.nowMs, wasSent: false }
      throw new UpstreamError('rate-limited', 'asked to be left alone for a while', options)
    }
    pausedUntilMs = double.nowMs + 5000
    sent.push(double.nowMs - startedAt)
    if (sent.length <= 4) throw tooMany()
  }
  const report = await double.run(['a:1'])
  assert.deepEqual(statusesOf(report), ['warmed'])
  assert.deepEqual(sent, [0, 5000, 10_000, 15_000, 23_000])
  assert.equal(report.results[0]?.tries, 5)
  assert.equal(report.registries[0]?.rateLimited, 4)
  assert.ok(!double.notices.join().includes('as told'))
})

test('with an end set, who asked to be left alone is asked again after that', async () => {
  const double = filled()
  const startedAt = double.nowMs
  double.script = ({ what }) => {
    if (what === 'GET' && double.nowMs < startedAt + HOUR_MS) throw tooMany(HOUR_MS)
  }
  const report = await double.run(['a:1'], { untilAt: startedAt + 5 * HOUR_MS })
  assert.deepEqual(statusesOf(report), ['warmed'])
  assert.equal(double.count('GET'), 2)
})

test('with an end set, what could not be looked at is, and was in the price', async () => {
  const double = filled()
  const startedAt = double.nowMs
  double.script = () => {
    double.tell('docker.io', 100, 80)
    if (double.nowMs < startedAt + HOUR_MS) throw tooMany(HOUR_MS)
  }
  const report = await double.run(LIST, { untilAt: startedAt + 5 * HOUR_MS })
  assert.equal(report.totals.warmed, 6)
  const price = double.rows.find((row) => row.kind === 'price')
  assert.equal(price?.price.registries[0]?.plannedPulls, 12)
})

test('a registry that never answered is not asked for other things either', async () => {
  const double = filled()
  double.script = () => {
    throw new UpstreamError('unreachable', 'no route')
  }
  await double.run([...LIST, ...DIGESTS])
  assert.equal(double.count('GET'), 0)
})

test('the end of the time does not wait for the answer to a second look', async () => {
  const double = filled()
  const untilAt = double.nowMs + 15 * MINUTE_MS
  let heads = 0
  double.script = ({ what }) => {
    double.tell('docker.io', 100, 20)
    return what === 'HEAD' && (heads += 1) > 1 ? new Promise(() => {}) : undefined
  }
  const report = await double.run(['a:1'], { untilAt })
  assert.equal(report.endedAt, new Date(untilAt).toISOString())
})

test('pulls of digests are taken again when what was told of them is over', async () => {
  const double = filled()
  const startedAt = double.nowMs
  double.tell('docker.io', 100, 20)
  const report = await double.run(DIGESTS, { untilAt: startedAt + 7 * HOUR_MS })
  assert.equal(report.totals.warmed, 6)
  assert.equal(double.log[0]?.atMs, startedAt + 6 * HOUR_MS)
})

test('what was told long ago keeps nothing back', async () => {
  const double = filled()
  double.tell('docker.io', 100, 5)
  double.nowMs += 8 * HOUR_MS
  const report = await double.run(DIGESTS)
  assert.equal(report.totals.warmed, 6)
  assert.equal(report.registries[0]?.remainingBefore, undefined)
})

test('where nobody told yet how many pulls are left, the first goes alone', async () => {
  const double = filled()
  let remaining = 20
  double.script = async ({ what }) => {
    if (what !== 'GET') return
    remaining -= 1
    await new Promise((resolve) => setImmediate(resolve))
    double.tell('docker.io', 100, remaining)
  }
  const report = await double.run(DIGESTS)
  assert.equal(double.count('GET'), 1)
  assert.deepEqual(statusesOf(report).toSorted(), [
    ...Array<string>(5).fill('left quota'),
    'warmed',
  ])
})

test('who tells nothing with a HEAD is not asked for one manifest after the other', async () => {
  const double = filled()
  const both = Promise.withResolvers<void>()
  double.script = ({ what }) => {
    if (what !== 'GET') return undefined
    if (double.count('GET') === 2) both.resolve()
    return both.promise
  }
  const report = await double.run(LIST)
  assert.equal(report.totals.warmed, 6)
})

test('pulls that ended without an answer may have been counted', async () => {
  const double = filled()
  let remaining = 22
  double.script = ({ what }) => {
    if (what === 'HEAD') double.tell('docker.io', 100, remaining)
    if (what !== 'GET') return
    remaining -= 1
    throw new UpstreamError('timed-out', 'no answer')
  }
  const report = await double.run(LIST)
  assert.equal(remaining, 20)
  assert.equal(report.totals.left, 6)
})
