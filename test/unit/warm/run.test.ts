import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { StoreError, UpstreamError } from '../../../src/errors.ts'
import type { WarmReport } from '../../../src/care/warm-job.ts'
import type { LookedAt } from '../../../src/mirror/warm-port.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { RepositoryName, Tag } from '../../../src/oci/name.ts'
import { buildImage } from '../../support/images.ts'
import type { Image } from '../../support/images.ts'
import { WarmDouble } from '../../support/warm-double.ts'

const MINUTE_MS = 60_000
const tooMany = (retryAfterMs?: number) =>
  new UpstreamError('rate-limited', 'too many requests', { retryAfterMs })
const images = ['a', 'b', 'c', 'd', 'e', 'f'].map((seed) =>
  buildImage({ seed, form: 'oci', architectures: ['amd64'] }),
)
const LIST = ['a:1', 'b:1', 'c:1', 'd:1', 'e:1', 'f:1']

function filled(registry = 'docker.io', path = 'library/'): WarmDouble {
  const double = new WarmDouble()
  add(double, registry, path)
  return double
}

function add(double: WarmDouble, registry: string, path: string): void {
  images.forEach((image, n) => {
    double.add(`${registry}/${path}${'abcdef'[n]}`, '1', image)
  })
}

function statusesOf({ results }: WarmReport): string[] {
  return results.map(({ status, cause }) => (cause === undefined ? status : `${status} ${cause}`))
}

test('a wait that a registry asks for is kept once by everything that is asked of it', async () => {
  const double = filled()
  const startedAt = double.nowMs
  let refusals = 3
  double.script = ({ what }) => {
    if (what === 'GET' && refusals > 0) {
      refusals -= 1
      throw tooMany(38_000)
    }
  }
  const report = await double.run(LIST)
  assert.equal(report.outcome, 'done')
  // Two are refused at once, and the first that tries again is refused for the other too.
  assert.deepEqual(
    double.log.filter(({ what }) => what === 'GET').map(({ atMs }) => atMs - startedAt),
    [0, 0, 38_000, 76_000, 76_000, 76_000, 76_000, 76_000, 76_000],
  )
  const [registry] = report.registries
  assert.equal(registry?.waitedMs, 76_000)
  assert.equal(registry.rateLimited, 3)
  assert.equal(report.totals.waitedMs, 76_000)
  assert.deepEqual(double.notices, [
    'docker.io: too many requests, waiting 38 s as told',
    'docker.io: too many requests, waiting 38 s as told',
  ])
})

test('without a told wait it is 1 s, 2 s, 4 s, 8 s at most, and five tries in all', async () => {
  const double = filled()
  const startedAt = double.nowMs
  double.script = ({ what }) => {
    if (what === 'GET') throw tooMany()
  }
  const report = await double.run(['a:1'])
  assert.deepEqual(statusesOf(report), ['left rate-limited'])
  assert.deepEqual(
    double.log.filter(({ what }) => what === 'GET').map(({ atMs }) => atMs - startedAt),
    [0, 1000, 3000, 7000, 15_000],
  )
  assert.equal(report.results[0]?.tries, 5)
  assert.equal(report.registries[0]?.pulls, 0)
})

test('a registry that asks for more than 15 minutes is left, and others are warmed', async () => {
  const double = filled()
  add(double, 'ghcr.io', 'org/')
  double.script = ({ what, registry }) => {
    if (what === 'GET' && registry === 'docker.io') throw tooMany(16 * MINUTE_MS)
  }
  const report = await double.run(['a:1', 'b:1', 'ghcr.io/org/c:1'])
  assert.deepEqual(statusesOf(report), ['left rate-limited', 'left rate-limited', 'warmed'])
  assert.equal(report.outcome, 'left')
  assert.ok(double.count('GET') <= 2)
  assert.match(report.results[0]?.because ?? '', /until 2026-11-2\d \d\d:\d6$/)
})

test('the reserve is kept, whatever else is in the list', async () => {
  const double = filled()
  add(double, 'ghcr.io', 'org/')
  let remaining = 23
  double.script = ({ what, registry }) => {
    if (registry !== 'docker.io') return
    if (what === 'GET') remaining -= 1
    double.tell('docker.io', 100, remaining)
  }
  // Of two that are on their way nobody can tell whether what is left counts them.
  const report = await double.run([...LIST, 'ghcr.io/org/a:1'], { jobs: 1 })
  assert.equal(remaining, 20)
  assert.equal(report.outcome, 'left')
  assert.equal(report.totals.warmed, 4)
  assert.equal(report.totals.left, 3)
  const hub = report.registries.find(({ registry }) => registry === 'docker.io')
  assert.equal(hub?.remainingBefore, 23)
  assert.equal(hub.remainingAfter, 20)
  assert.equal(hub.reserve, 20)
  assert.equal(hub.pulls, 3)
  assert.equal(hub.plannedPulls, 6)
  const left = report.results.filter(({ status }) => status === 'left')
  for (const { cause, because } of left) {
    assert.equal(cause, 'quota')
    assert.match(because ?? '', /20 pulls left/)
  }
  assert.equal(double.failedList?.split('\n').filter((line) => /^\w:1$/.test(line)).length, 3)
})

test('with an end set, pulls that come back are used, found out by one HEAD in ten minutes', async () => {
  const double = filled()
  let remaining = 21
  const startedAt = double.nowMs
  double.script = ({ what }) => {
    if (what === 'GET') remaining -= 1
    if (double.nowMs - startedAt >= 25 * MINUTE_MS && remaining < 50) remaining = 100
    double.tell('docker.io', 100, remaining)
  }
  const report = await double.run(['a:1', 'b:1', 'c:1'], { untilAt: startedAt + 60 * MINUTE_MS })
  assert.equal(report.outcome, 'done')
  assert.equal(report.totals.warmed, 3)
  assert.equal(double.count('HEAD'), 3 + 3)
  assert.equal(report.endedAt, new Date(startedAt + 30 * MINUTE_MS).toISOString())
})

test('with an end set and no pulls until then, the rest is left at the end', async () => {
  const double = filled()
  const untilAt = double.nowMs + 35 * MINUTE_MS
  double.script = () => double.tell('docker.io', 100, 20)
  const report = await double.run(['a:1', 'b:1'], { untilAt })
  assert.equal(report.outcome, 'left')
  assert.equal(report.because, 'its time was up')
  assert.deepEqual(statusesOf(report), ['left quota', 'left quota'])
  assert.equal(report.endedAt, new Date(untilAt).toISOString())
  assert.equal(double.count('GET'), 0)
})

test('the end of the time stops downloads, and the next run begins with what was left', async () => {
  const double = filled()
  const untilAt = double.nowMs + MINUTE_MS
  double.script = ({ what, name, signal }) => {
    if (what === 'BLOB' && name.startsWith('library/c')) return held(signal)
    return undefined
  }
  const first = await double.run(['a:1', 'b:1', 'c:1'], { untilAt, jobs: 1 })
  assert.equal(first.outcome, 'left')
  const left = first.results.find(({ reference }) => reference === 'docker.io/library/c:1')
  assert.equal(left?.status, 'left')
  assert.equal(left.cause, 'until')
  double.script = () => {}
  // What somebody typed meanwhile is another list.
  await double.run([], { sources: [{ name: 'command line', text: 'a:1' }] })
  double.log.length = 0
  const second = await double.run(['d:1', 'e:1', 'c:1'], { jobs: 1 })
  assert.equal(second.outcome, 'done')
  const rows = double.rows.flatMap((row) => (row.kind === 'result' ? row.reference : []))
  assert.equal(rows.at(-3), 'docker.io/library/c:1')
})

test('who asked may stop it at any moment: what is done stays, the rest is left', async () => {
  const double = filled()
  const asked = new AbortController()
  double.script = ({ what, name, signal }) => {
    if (what !== 'BLOB' || !name.startsWith('library/b')) return undefined
    asked.abort()
    return held(signal)
  }
  const report = await double.run(['a:1', 'b:1', 'c:1'], { jobs: 1 }, asked.signal)
  assert.equal(report.outcome, 'interrupted')
  assert.ok(report.totals.left >= 1)
  assert.equal(report.totals.failed, 0)
  assert.equal(double.runs.length, 1)
})

test('stopped in the plan, it ends at once and answers', async () => {
  const double = filled()
  const asked = new AbortController()
  double.script = () => {
    asked.abort()
    return new Promise(() => {})
  }
  const report = await double.run(LIST, {}, asked.signal)
  assert.equal(report.outcome, 'interrupted')
  assert.equal(report.totals.left, 6)
  assert.ok(!double.rows.some(({ kind }) => kind === 'price'))
})

test('without a network it is over after two rounds, and says so in one sentence', async () => {
  const double = filled()
  double.script = () => {
    throw new UpstreamError('unreachable', 'docker.io: getaddrinfo EAI_AGAIN')
  }
  const report = await double.run(LIST)
  assert.equal(report.outcome, 'nothing')
  assert.match(report.because ?? '', /^no network: .*docker\.io.*EAI_AGAIN/)
  assert.ok(double.count('HEAD') <= 8, `${double.count('HEAD')} HEADs`)
  assert.ok(Date.parse(report.endedAt) - Date.parse(report.startedAt) <= 2000)
})

const aside = () =>
  new UpstreamError('set-aside', 'docker.io failed just now and is not asked for a while', {
    retryAfterMs: 15_000,
  })

test('a router that restarts for a minute fails no image, and no try is counted for a wait', async () => {
  const double = filled()
  let backAt = Infinity
  let sent = 0
  double.script = ({ what }) => {
    if (what !== 'BLOB') return
    if (backAt === Infinity) backAt = double.nowMs + MINUTE_MS
    if (double.nowMs >= backAt) return
    if ((sent += 1) <= 3) throw new UpstreamError('unreachable', 'connect EHOSTUNREACH')
    throw aside()
  }
  const report = await double.run(LIST)
  assert.deepEqual(new Set(statusesOf(report)), new Set(['warmed']))
  assert.ok(report.results.every(({ tries }) => tries <= 4))
  const unsent = double.count('BLOB') - (report.registries[0]?.blobs ?? 0)
  assert.ok(unsent > 0, `${unsent}`)
})

test('an outage ends after five minutes, and its images tell what was the matter', async () => {
  const double = filled()
  let sent = 0
  double.script = ({ what }) => {
    if (what !== 'BLOB') return
    if ((sent += 1) === 1) throw new UpstreamError('unreachable', 'connect ECONNREFUSED')
    throw aside()
  }
  const report = await double.run(LIST)
  for (const { status, cause, because, remedy } of report.results) {
    assert.deepEqual([status, cause], ['failed', 'unreachable'])
    assert.match(because ?? '', /ECONNREFUSED/)
    assert.match(remedy ?? '', /check the network/)
  }
  const tookMs = Date.parse(report.endedAt) - Date.parse(report.startedAt)
  assert.ok(tookMs >= 5 * MINUTE_MS && tookMs <= 7 * MINUTE_MS, `${tookMs}`)
})

test('what was set aside before the run began is asked itself before it is given up', async () => {
  const double = filled()
  const startedAt = double.nowMs
  double.script = () => {
    if (double.nowMs < startedAt + 15_000) throw aside()
  }
  const report = await double.run(LIST)
  assert.equal(report.totals.warmed, 6)
})

test('one registry that is down costs the others nothing', async () => {
  const double = filled()
  add(double, 'ghcr.io', 'org/')
  double.script = ({ registry }) => {
    if (registry === 'docker.io') throw new UpstreamError('unreachable', 'connection refused')
  }
  const report = await double.run(['a:1', 'ghcr.io/org/b:1'])
  assert.deepEqual(statusesOf(report), ['failed unreachable', 'warmed'])
  assert.equal(report.outcome, 'failures')
})

test('a registry that stops answering in the middle is given up, not asked for each blob', async () => {
  const double = filled()
  double.script = ({ what }) => {
    if (what === 'BLOB') throw new UpstreamError('timed-out', 'no answer')
  }
  const report = await double.run(LIST, { jobs: 1 })
  assert.equal(report.totals.failed, 6)
  assert.ok(double.count('BLOB') <= 40, `${double.count('BLOB')} tries`)
})

test('what may pass is tried again, what is refused is not', async () => {
  const double = filled()
  let tries = 0
  double.script = ({ what, name }) => {
    if (what !== 'HEAD') return
    if (name === 'library/a:1' && (tries += 1) < 3) {
      throw new UpstreamError('bad-response', '503', { mayPass: true })
    }
    if (name === 'library/b:1') throw new UpstreamError('not-visible', 'denied')
    if (name === 'library/c:1') throw new UpstreamError('bad-response', 'HTML')
  }
  const report = await double.run(['a:1', 'b:1', 'c:1', 'none:1'])
  assert.deepEqual(statusesOf(report), [
    'warmed',
    'failed unauthorized',
    'failed bad-response',
    'failed not-found',
  ])
  assert.equal(double.count('HEAD'), 3 + 1 + 1 + 1)
  assert.equal(report.results[0]?.tries, 3)
  assert.match(report.results[1]?.remedy ?? '', /regmirror login docker\.io/)
})

test('a full disk ends the run with one sentence; what is whole stays', async () => {
  const double = filled()
  double.script = ({ what, name }) => {
    if (what === 'BLOB' && name.startsWith('library/b')) throw new StoreError('full', 'no space')
  }
  const none = await double.run(['b:1', 'c:1', 'd:1'], { jobs: 1 })
  assert.equal(none.outcome, 'nothing')
  assert.equal(none.because, 'no space')
  const before = double.count('BLOB')
  const some = await double.run(['a:1', 'b:1'], { jobs: 1 })
  assert.ok(double.count('BLOB') - before <= 6)
  assert.deepEqual(new Set(some.results.map(({ cause }) => cause)), new Set(['disk', undefined]))
})

test('an image that finds no room fails alone', async () => {
  const double = filled()
  double.script = ({ what, name }) => {
    if (what === 'BLOB' && name.startsWith('library/b')) throw new StoreError('no-room', 'no room')
  }
  const report = await double.run(['a:1', 'b:1', 'c:1'])
  assert.equal(report.outcome, 'failures')
  assert.equal(report.results[1]?.cause, 'room')
})

test('where several in a row find no room the run ends with one sentence', async () => {
  const double = filled()
  double.script = ({ what, name }) => {
    const isFirst = name.startsWith('library/a')
    if (what === 'BLOB' && !isFirst) throw new StoreError('no-room', 'no room')
  }
  const report = await double.run(LIST.slice(1), { jobs: 1 })
  assert.equal(report.outcome, 'nothing')
  const before = double.count('BLOB')
  const names = ['g', 'h', 'i', 'j'].map((seed) => {
    const image = buildImage({ seed, form: 'oci', architectures: ['amd64'] })
    double.add(`docker.io/library/${seed}`, '1', image)
    return `${seed}:1`
  })
  const more = await double.run([...LIST, ...names], { jobs: 1 })
  assert.match(more.because ?? '', /^the store has no room: 5 images in a row/)
  assert.ok(more.results.some(({ status }) => status === 'warmed'))
  const failed = more.results.filter(({ status }) => status === 'failed')
  assert.equal(failed.length, 9)
  for (const { cause, remedy } of failed) {
    assert.equal(cause, 'room')
    assert.match(remedy ?? '', /--min-free/)
  }
  const asked = new Set(
    double.log
      .filter(({ what }) => what === 'BLOB')
      .slice(before)
      .map(({ name }) => name.split('@')[0]),
  )
  assert.ok(asked.size < 10, [...asked].join())
})

test('a long pause of one registry keeps no blob of another waiting', async () => {
  const double = filled()
  const other = buildImage({ seed: 'other', form: 'oci', architectures: ['amd64'] })
  double.add('ghcr.io/org/z', '1', other)
  const startedAt = double.nowMs
  double.script = ({ what, registry }) => {
    const isPaused = registry === 'docker.io' && double.nowMs < startedAt + 10 * MINUTE_MS
    if (what === 'BLOB' && isPaused) throw tooMany(10 * MINUTE_MS)
  }
  const report = await double.run([...LIST, 'ghcr.io/org/z:1'], { jobs: 1 })
  assert.equal(report.outcome, 'done')
  // Beside the layer that all share, which it waits for.
  const own = double.log.filter(({ what, registry }) => what === 'BLOB' && registry === 'ghcr.io')
  assert.ok(own.some(({ atMs }) => atMs === startedAt))
})

test('more images than one run takes are refused before any is asked for', async () => {
  const double = filled()
  const listed = Array.from({ length: 50_001 }, (_, n) => `a:${n}`)
  await assert.rejects(double.run(listed), /50001 images, and one run takes 50000 at most/)
  assert.equal(double.log.length, 0)
})

test('the index keeps of a long run what did not go well', async () => {
  const double = filled()
  const digest = images[0]?.top.digest ?? ''
  const image = images[0] ?? assert.fail()
  const tags = Array.from({ length: 5001 }, (_, n) => `t${n}`)
  for (const tag of tags) double.add('docker.io/library/a', tag, image)
  const list = [...tags.map((tag) => `a:${tag}`), 'none:1']
  const report = await double.run(list)
  assert.equal(report.results.length, 5002)
  const kept = JSON.parse(double.runs[0]?.results ?? '') as WarmReport['results']
  assert.equal(kept.length, 5000)
  assert.equal(kept.at(-1)?.status, 'failed')
  assert.equal(kept[0]?.digest, digest)
})

test('pulls that no plan could tell are said', async () => {
  const double = filled()
  let fails = 2
  double.script = ({ what }) => {
    if (what === 'GET' && (fails -= 1) >= 0) {
      throw new UpstreamError('bad-response', '503', { mayPass: true })
    }
  }
  await double.run(['a:1'])
  assert.equal(double.notices.at(-1), 'docker.io: 2 more pulls than were planned')
})

test('what is there already is pinned before what has left its list makes way', async () => {
  const double = filled()
  await double.run(['a:1'])
  const repository = { registry: 'docker.io', name: 'library/z' as RepositoryName }
  const left = {
    repository,
    reference: { tag: '1' as Tag },
    by: 'list /other',
    keepMs: 7,
    leftAt: 1,
  }
  const content = [[images[5]?.top.digest as Digest, 2 ** 30]] as const
  const kept = [{ ...left, content }]
  double.pinnable = () => Promise.resolve({ maxBytes: 2 ** 30, share: '', remedy: '', kept })
  const before = double.everPinned.length
  let pinned: number | undefined
  double.onEndLeft = () => (pinned = double.everPinned.length - before)
  const text = 'a:1\n'
  await double.run([], { sources: [{ name: 'list', path: '/etc/list', text }] })
  assert.equal(pinned, 1)
})

test('what is found to be there only after a wait is pinned and counted too', async () => {
  const double = filled()
  await double.run(['a:1'])
  const pinned = double.everPinned.length
  let isRefused = false
  double.script = ({ what }) => {
    if (what !== 'HEAD' || isRefused) return
    isRefused = true
    throw tooMany(20 * MINUTE_MS)
  }
  double.pinnable = () => Promise.resolve({ maxBytes: 0, share: '', remedy: '', kept: [] })
  const sources = [{ name: 'list', path: '/etc/list', text: 'a:1\n' }]
  const report = await double.run([], { sources, untilAt: double.nowMs + 60 * MINUTE_MS })
  assert.deepEqual(statusesOf(report), ['fresh budget'])
  assert.equal(double.everPinned.length, pinned + 1)
})

test('what a run needs is pinned while it goes on, and nothing where nothing is fetched', async () => {
  const double = filled()
  const pinOf = (n: number) =>
    `docker.io/library/${'abcdef'[n]}@${images[n]?.top.digest} warm (running) run-1`
  await double.run(['a:1'])
  assert.deepEqual(double.everPinned, [pinOf(0)])
  await double.run(['a:1'])
  assert.deepEqual(double.everPinned, [pinOf(0)])
  await double.run(['a:1', 'b:1'])
  assert.deepEqual(double.everPinned, [pinOf(0), pinOf(0), pinOf(1)])
  assert.deepEqual(double.pins, [])
  double.script = ({ what }) => {
    if (what === 'BLOB') throw new StoreError('no-room', 'no room')
  }
  await double.run(['c:1'])
  assert.equal(double.everPinned.at(-1), pinOf(2), 'before its blobs')
  double.script = ({ what }) => {
    if (what === 'GET') assert.deepEqual(double.pins, [pinOf(3)], 'before its manifests')
  }
  assert.deepEqual(statusesOf(await double.run(['d:1'])), ['warmed'])
})

test('of many that fail at once the first makes the pause', async () => {
  const double = filled()
  const startedAt = double.nowMs
  let refusals = 2
  double.script = ({ what }) => {
    if (what === 'GET' && (refusals -= 1) >= 0) throw tooMany()
  }
  await double.run(['a:1', 'b:1'])
  assert.deepEqual(
    double.log.filter(({ what }) => what === 'GET').map(({ atMs }) => atMs - startedAt),
    [0, 0, 1000, 1000],
  )
})

test('the same content is never asked for twice at a time of one registry', async () => {
  const double = filled()
  add(double, 'docker.io', 'org/')
  const asked = new Set<string>()
  double.script = async ({ what, digest }) => {
    if (what !== 'BLOB' || digest === undefined) return
    assert.ok(!asked.has(digest), digest)
    asked.add(digest)
    await turn()
    asked.delete(digest)
  }
  const report = await double.run([...LIST, ...LIST.map((line) => `org/${line}`)])
  assert.equal(report.totals.warmed, 12)
})

test('a plan fetches nothing, keeps no report, and ends with its price', async () => {
  const double = filled()
  await double.run(['a:1'])
  double.log.length = 0
  double.rows.length = 0
  const report = await double.run(['a:1', 'b:1', 'none:1'], { mode: 'plan' })
  assert.deepEqual(statusesOf(report), ['fresh', 'stale', 'failed not-found'])
  assert.equal(report.outcome, 'failures')
  assert.equal(double.log.length, double.count('HEAD'))
  assert.equal(double.runs.length, 1)
  const last = double.rows.at(-1)
  assert.ok(last?.kind === 'price')
  assert.equal(last.price.registries[0]?.plannedPulls, 1)
  assert.equal(last.price.unknownSizes, 1)
  const check = await double.run(['a:1', 'b:1'], { mode: 'check' })
  assert.equal(check.outcome, 'stale')
})

test('what need not exist is a note, unless another line needs it', async () => {
  const double = filled()
  const noted = await double.run(['a:1', 'none:1 optional', 'a:x* optional'])
  assert.deepEqual(statusesOf(noted), ['warmed'])
  assert.equal(noted.outcome, 'done')
  assert.equal(double.notices.filter((text) => /need not/.test(text)).length, 2)
  const needed = await double.run(['none:1 optional', 'none:1'])
  assert.deepEqual(statusesOf(needed), ['failed not-found'])
})

test('a name that is not served fails its line, and the rest is warmed', async () => {
  const double = filled()
  const report = await double.run(['unknown.test/x:1', 'a:1'])
  assert.deepEqual(statusesOf(report), ['failed not-served', 'warmed'])
  assert.deepEqual(report.results[0]?.places, [{ source: 'mirror.txt', line: 1 }])
  assert.equal(report.results[0].reference, 'unknown.test/x:1')
})

test('progress is told at most ten times a second', async () => {
  const double = filled()
  await double.run(LIST)
  assert.ok(double.progress.length <= 2, `${double.progress.length}`)
})

test('a list is asked for once, and literal tags never ask for one', async () => {
  const double = filled()
  double.add('docker.io/library/a', '2', images[1] ?? assert.fail())
  await double.run(['a:1', 'b:1'])
  assert.equal(double.count('LIST'), 0)
  const report = await double.run(['a:*', 'a:^1', 'a:x*'])
  assert.equal(double.count('LIST'), 1)
  assert.deepEqual(statusesOf(report), ['failed no-match', 'fresh', 'warmed'])
  const [unmatched] = report.results
  assert.equal(unmatched?.because, 'none of its 2 tags matches')
  assert.equal(unmatched.remedy, 'check the pattern')
  assert.match(double.failedList ?? '', /^# mirror\.txt:3: none of its 2 tags matches$/m)
})

test('content of two repositories is downloaded once', async () => {
  const double = filled()
  add(double, 'ghcr.io', 'org/')
  const report = await double.run(['a:1', 'ghcr.io/org/a:1'])
  assert.equal(report.outcome, 'done')
  const [image] = images
  const sizes = [...(image?.blobs.values() ?? [])].reduce((sum, { size }) => sum + size, 0)
  const manifests = report.results.length * (image?.top.size ?? 0)
  assert.equal(report.totals.bytesNew, sizes + manifests)
})

test('all downloads of a run are under its one cap, and those of another run are not', async () => {
  const double = filled()
  await double.run(LIST, { bytesPerSecond: 1_000_000 })
  assert.deepEqual([...double.caps], [{ bytesPerSecond: 1_000_000 }])
  add(double, 'ghcr.io', 'org/')
  await double.run(['ghcr.io/org/a:1'])
  assert.deepEqual([...double.caps].at(-1), undefined)
})

test('that a run of a list has begun is noted before anybody is asked, and of no other run', async () => {
  const double = filled()
  let begun = 0
  double.script = () => void (begun ||= double.begun.length)
  await double.run(['a:1'])
  assert.equal(begun, 1)
  assert.match(double.begun[0]?.report ?? '', /"outcome":"interrupted"/)
  await double.run(['a:1'], { mode: 'plan' })
  await double.run([], { sources: [{ name: 'command line', text: 'a:1' }] })
  assert.equal(double.begun.length, 1)
})

test('what somebody types leaves the list of what failed alone', async () => {
  const double = filled()
  await double.run(['a:1', 'a:typo'])
  assert.match(double.failedList ?? '', /^a:typo$/m)
  for (const text of ['b:typo', 'a:1']) {
    await double.run([], { sources: [{ name: 'command line', text }] })
    assert.equal(double.failedList, undefined)
  }
  assert.equal(double.saved.length, 1)
  double.add('docker.io/library/a', 'typo', images[0] as Image)
  await double.run(['a:1', 'a:typo'])
  assert.deepEqual(double.saved.slice(1), [undefined])
})

function held(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((_, reject) => {
    if (signal?.aborted) reject(signal.reason as Error)
    signal?.addEventListener('abort', () => reject(signal.reason as Error))
  })
}

test('what has gone upstream is told apart from what never was there', async () => {
  const double = filled()
  await double.run(['a:1'])
  double.forget('docker.io/library/a', '1')
  const report = await double.run(['a:1', 'none:1'])
  assert.match(report.results[0]?.because ?? '', /no longer exists upstream/)
  assert.match(report.results[1]?.because ?? '', /does not exist$/)
})

test('a list of tags that upstream fails to give fails its line after five tries', async () => {
  const double = filled()
  double.script = ({ what }) => {
    if (what === 'LIST') throw new UpstreamError('bad-response', '500', { mayPass: true })
  }
  const report = await double.run(['a:*', 'b:1'])
  assert.deepEqual(statusesOf(report), ['failed bad-response', 'warmed'])
  assert.equal(double.count('LIST'), 5)
  assert.equal(report.outcome, 'failures')
})

test('a HEAD that names what no GET can find fails, and is not asked for ever', async () => {
  const double = filled()
  const [image] = images
  double.remove('docker.io/library/a', image?.top.digest ?? '')
  const report = await double.run(['a:1'])
  assert.deepEqual(statusesOf(report), ['failed not-found'])
  assert.deepEqual([double.count('HEAD'), double.count('GET')], [2, 1])
})

test('used up pulls are told once', async () => {
  const double = filled()
  double.script = () => double.tell('docker.io', 100, 20)
  await double.run(LIST)
  assert.deepEqual(double.notices, ['docker.io: 20 pulls are left and kept for people'])
})

test('most shared blobs come first, then what is smaller', async () => {
  const double = new WarmDouble()
  const big = buildImage({ ...one('big'), bigLayers: 1, bigLayerMiB: 1 })
  const small = buildImage(one('small'))
  double.add('docker.io/library/big', '1', big)
  double.add('docker.io/library/small', '1', small)
  await double.run(['big:1', 'small:1'], { jobs: 1 })
  const blobs = double.log.filter(({ what }) => what === 'BLOB')
  // Both have the layer with the root files; then the smaller image, although it is later in the list.
  assert.deepEqual(
    blobs.map(({ name }) => name.slice('library/'.length).split('@')[0]),
    ['small', 'small', 'small', 'big', 'big', 'big', 'big'],
  )
  const [shared] = [...big.blobs.keys()].filter((digest) => small.blobs.has(digest))
  assert.equal(blobs[0]?.digest, shared)
})

function one(seed: string) {
  return { seed, form: 'oci', architectures: ['amd64'] } as const
}

test('a plan looks at each blob once for all images; the run looks again', async () => {
  const double = filled()
  await double.run(['a:1', 'b:1'])
  const looks: (LookedAt | undefined)[] = []
  const { missingBlobs } = double
  double.missingBlobs = (repository, blobs, looked) => {
    looks.push(looked)
    return missingBlobs(repository, blobs, looked)
  }
  await double.run(['a:1', 'b:1', 'c:1'])
  const [first, second, third, ...later] = looks
  assert.ok(first)
  assert.ok(second === first && third === first)
  assert.ok(later.length > 0 && later.every((looked) => looked === undefined))
})

test('a run that fails before its end is none that was killed', async () => {
  const double = filled()
  double.usedTags = () => Promise.reject(new StoreError('io', 'the index cannot be read'))
  const begun: number[] = []
  double.script = () => void begun.push(double.begun.length)
  await double.run(['a:1'])
  assert.equal(begun[0], 1)
  double.begun.length = 0
  await assert.rejects(double.run(['a:1 used=7d']), /cannot be read/)
  assert.deepEqual([double.begun, double.runs.length], [[], 1])
})
