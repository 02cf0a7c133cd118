import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../../src/errors.ts'
import type { ListText } from '../../../src/list/list-entry.ts'
import { failedList } from '../../../src/warm/failed-list.ts'
import { parseList } from '../../../src/list/parse-list.ts'
import { buildImage } from '../../support/images.ts'
import { WarmDouble } from '../../support/warm-double.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
const images = NAMES.map((seed) => buildImage({ seed, form: 'oci', architectures: ['amd64'] }))
const LIST = NAMES.map((name) => `${name}:1`)
const HOUR_MS = 3_600_000
// Of two that are on their way nobody can tell whether what is left counts them.
const ALONE = { reserve: 0, jobs: 1 }
const tooMany = new UpstreamError('rate-limited', 'too many requests', { retryAfterMs: 30_000 })

function filled(): WarmDouble {
  const double = new WarmDouble()
  images.forEach((image, n) => double.add(`docker.io/library/${NAMES[n]}`, '1', image))
  return double
}

test('with rps= requests of its registry keep their distance, all kinds together', async () => {
  const double = filled()
  double.add('ghcr.io/org/app', '1', images[0] ?? assert.fail())
  const startedAt = double.nowMs
  await double.run(['@registry docker.io rps=2', ...LIST, 'ghcr.io/org/app:1'])
  const times = (registry: string) =>
    double.log.filter((each) => each.registry === registry).map(({ atMs }) => atMs - startedAt)
  const hub = times('docker.io')
  assert.ok(hub.length > 12)
  assert.deepEqual(
    hub,
    hub.map((_, n) => n * 500),
  )
  assert.ok(times('ghcr.io').every((atMs) => atMs < 500 * hub.length))
})

// Docker Hub's way of counting.
function counting(double: WarmDouble, left: number): void {
  double.tell('docker.io', 100, left)
  double.script = ({ what }) => {
    const remaining = double.quotas.get('docker.io')?.remaining ?? 0
    if (what === 'GET') double.tell('docker.io', 100, remaining - 1)
  }
}

test('with rps= nobody waits for a turn only to hear that no pull is left', async () => {
  const double = filled()
  counting(double, 22)
  const startedAt = double.nowMs
  const list = ['@registry docker.io reserve=20 rps=2', ...LIST]
  const report = await double.run(list, { jobs: NAMES.length })
  assert.equal(report.totals.left + report.totals.warmed, NAMES.length)
  const times = double.log.map(({ atMs }) => atMs - startedAt)
  assert.equal(double.count('GET'), 2)
  assert.deepEqual(
    times,
    times.map((_, n) => n * 500),
  )
})

test('with rps= nobody waits for a turn to hear what is known of who may read', async () => {
  const double = filled()
  for (const name of NAMES) double.whoMayRead.set(`docker.io/library/${name}`, 'refused')
  const list = ['@registry docker.io rps=2', ...LIST]
  await double.run(list)
  double.log.length = 0
  const startedAt = double.nowMs
  await double.run(list)
  const times = double.log.map(({ atMs }) => atMs - startedAt)
  assert.deepEqual(
    times,
    NAMES.map((_, n) => n * 500),
  )
  assert.ok(double.nowMs - startedAt < NAMES.length * 500)
})

test('nobody who waits for a turn asks while its registry asked for a pause', async () => {
  const double = filled()
  const startedAt = double.nowMs
  double.script = ({ what, atMs }) => {
    if (what === 'HEAD' && atMs === startedAt) throw tooMany
  }
  await double.run(['@registry docker.io rps=1', ...LIST])
  const heads = double.log.filter(({ what }) => what === 'HEAD').map(({ atMs }) => atMs - startedAt)
  assert.equal(heads.filter((atMs) => atMs < 30_000).length, 1)
})

test('reserve= of a registry stands before that of the command, the larger of two lists', async () => {
  for (const [lists, warmed] of [
    [['@registry docker.io reserve=7'], 3],
    [['@registry docker.io reserve=7', '@registry docker.io reserve=9'], 1],
  ] as const) {
    const double = filled()
    counting(double, 10)
    const sources: ListText[] = lists.map((text, n) => ({ name: `${n}.txt`, text: `${text}\n` }))
    const text = `${LIST.join('\n')}\n`
    const report = await double.run([], { sources: [...sources, { name: 'l', text }], ...ALONE })
    assert.equal(report.totals.warmed, warmed)
  }
})

test('what is left for its pulls names what keeps them: the rule of the list, or the option', async () => {
  const remedyOf = async (list: readonly string[], reserve?: number) => {
    const double = filled()
    counting(double, 10)
    const { results, registries } = await double.run(list, { reserve })
    const [left] = results.filter(({ status }) => status === 'left')
    return [left?.remedy, registries[0]?.isReserveOfList]
  }
  assert.deepEqual(await remedyOf(['@registry docker.io reserve=10', ...LIST], 0), [
    'run it again later, or with a lower reserve= in its @registry line',
    true,
  ])
  const option = ['run it again later, or with a lower --reserve', undefined]
  assert.deepEqual(await remedyOf(LIST, 10), option)
  assert.deepEqual(await remedyOf(['@registry ghcr.io reserve=10', ...LIST], 10), option)
})

test('a list is told from itself by all that it includes', async () => {
  const digestOf = async (text: string) => {
    const list = { name: 'i.txt', text }
    const source = { name: 'inc.txt', text: '@include i.txt\n', includes: [{ line: 1, list }] }
    return (await filled().run([], { sources: [source], mode: 'plan' })).listDigest
  }
  assert.equal(await digestOf('a:1\n'), await digestOf('a:1\n'))
  assert.notEqual(await digestOf('a:1\n'), await digestOf('b:1\n'))
})

test('of a digest that is not there the digest is to be checked, not the tag', async () => {
  const double = filled()
  const digest = `sha256:${'0'.repeat(64)}`
  const { results } = await double.run([`a@${digest}`, `b:1@${digest}`, 'c:2'])
  assert.deepEqual(
    results.map(({ remedy }) => remedy),
    [
      'check the name and the digest',
      'check the name and the digest',
      'check the name and the tag',
    ],
  )
})

test('a rule for a registry that is not served is told', async () => {
  const double = filled()
  await double.run(['@registry unknown.test rps=1', 'a:1'])
  assert.deepEqual(double.notices, ['@registry unknown.test: unknown.test is not served here'])
})

test('jobs= of a registry stands before that of the command', async () => {
  for (const [jobs, most] of [
    [1, 1],
    [6, 3],
  ] as const) {
    const double = filled()
    let running = 0
    let seen = 0
    double.script = async ({ what }) => {
      if (what !== 'BLOB') return
      running += 1
      seen = Math.max(seen, running)
      for (let n = 0; n < 3; n += 1) await new Promise(setImmediate)
      running -= 1
    }
    await double.run([`@registry docker.io jobs=${jobs}`, ...LIST], { jobs: 1 })
    // Two blobs of an image, or as many as a registry is asked for at once.
    assert.ok(jobs === 1 ? seen <= 3 : seen >= most, `${jobs}: ${seen}`)
  }
})

test('@bandwidth caps the run, the smallest of several lists, unless the command says another', async () => {
  const double = filled()
  const sources: ListText[] = [
    { name: 'one', text: '@bandwidth 40MB/s\na:1\n' },
    { name: 'two', text: '@bandwidth 10MB/s\nb:1\n' },
  ]
  await double.run([], { sources })
  assert.deepEqual([...double.caps], [{ bytesPerSecond: 10_000_000 }])
  const another = filled()
  await another.run([], { sources, bytesPerSecond: 5 })
  assert.deepEqual([...another.caps], [{ bytesPerSecond: 5 }])
})

test('a run by hand ends with the window it began in; outside of one it has no end, and says so', async () => {
  const list = ['@window 00:00-01:00 tz=UTC', ...LIST]
  const inside = filled()
  inside.script = ({ what, name, signal }) => {
    if (what !== 'BLOB' || name.startsWith('library/a')) return undefined
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error))
    })
  }
  const ended = await inside.run(list, { jobs: 1 })
  assert.equal(ended.outcome, 'left')
  assert.equal(ended.totals.warmed, 1)
  assert.equal(ended.results[1]?.cause, 'until')
  assert.ok(inside.notices.every((text) => !text.includes('@window')))

  const outside = filled()
  outside.nowMs += 2 * HOUR_MS
  assert.equal((await outside.run(list)).outcome, 'done')
  assert.equal(outside.notices.filter((text) => text.includes('@window')).length, 1)
})

test('after every= has passed a tag is looked up again, and when its time lies in the future', async () => {
  const double = filled()
  const list = ['a:1 every=2h']
  await double.run(list)
  const headsAfter = async (ms: number) => {
    double.nowMs += ms
    double.log.length = 0
    await double.run(list)
    return double.count('HEAD')
  }
  assert.equal(await headsAfter(HOUR_MS), 0)
  assert.equal(await headsAfter(HOUR_MS), 1)
  assert.equal(await headsAfter(-HOUR_MS), 1)
})

test('the list of what failed means the same alone: defaults written out, and what holds for all', () => {
  const text = [
    '@defaults platforms=linux/arm64 every=6h',
    '@registry docker.io reserve=30',
    '@exclude *-rc*',
    '!docker.io/library/*:*-windows*',
    'redis:7.*   newest=2  # the cache',
    'ok:1',
    '@include more.txt',
  ].join('\n')
  const included = { name: 'more.txt', text: 'nginx optional\n' }
  const source = { name: 'mirror.txt', text, includes: [{ line: 7, list: included }] }
  const failed = (reference: string, name: string, line: number) =>
    ({ reference, places: [{ source: name, line }], status: 'failed', because: 'gone' }) as const
  const list = failedList(
    [source],
    [failed('docker.io/library/redis:7.0', 'mirror.txt', 5), failed('x', 'more.txt', 1)],
  )
  const again = parseList({ name: 'again', text: list ?? '' })
  assert.deepEqual(again.problems, [])
  const before = parseList(source)
  const meaning = ({ entries }: typeof before) =>
    entries
      .filter(({ name }) => name !== 'ok')
      .map(({ name, selectors, options }) => ({ name, selectors, options }))
  assert.deepEqual(meaning(again), meaning(before))
  const rules = ({ excludes, blocks, registries }: typeof before) => [
    excludes.map(({ kind, pattern }) => [kind, pattern]),
    blocks.map(({ name, tags }) => [name, tags]),
    registries.map(({ host, reserve }) => [host, reserve]),
  ]
  assert.deepEqual(rules(again), rules(before))
  assert.match(list ?? '', /^# mirror\.txt:5: gone$/m)
  assert.match(list ?? '', /^# more\.txt:1: gone$/m)
})
