// What makes an image whole, what is done where it is not, and what is remembered of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmReport } from '../../../src/care/warm-job.ts'
import { IntegrityError, UpstreamError } from '../../../src/errors.ts'
import { buildImage } from '../../support/images.ts'
import { WarmDouble } from '../../support/warm-double.ts'

const MINUTE_MS = 60_000
const NAMES = ['a', 'b', 'c']
const images = NAMES.map((seed) => buildImage({ seed, form: 'oci', architectures: ['amd64'] }))
const tooMany = (retryAfterMs: number) =>
  new UpstreamError('rate-limited', 'too many requests', { retryAfterMs })

function filled(): WarmDouble {
  const double = new WarmDouble()
  add(double, 'docker.io', 'library/')
  return double
}

function add(double: WarmDouble, registry: string, path: string): void {
  images.forEach((image, n) => {
    double.add(`${registry}/${path}${NAMES[n]}`, '1', image)
  })
}

function statusesOf({ results }: WarmReport): string[] {
  return results.map(({ status, cause }) => (cause === undefined ? status : `${status} ${cause}`))
}

test('what failed stays on the list until a run of it, or of the same files, is done', async () => {
  const double = filled()
  const none = { sources: [{ name: 'other.txt', text: 'none:1\n' }] }
  await double.run([], none)
  assert.match(double.saved.at(-1) ?? '', /none:1/)
  await double.run(['a:1'])
  await double.run([], { sources: [{ name: 'command line', text: 'b:1\n' }] })
  assert.equal(double.saved.length, 1)
  double.add('docker.io/library/none', '1', images[2] ?? assert.fail())
  await double.run([], none)
  assert.deepEqual(double.saved.slice(1), [undefined])
})

test('who may not read it where upstream is gone has nothing fetched for them, and hears how', async () => {
  const double = filled()
  add(double, 'ghcr.io', 'org/')
  double.whoMayRead.set('ghcr.io/org/a', 'refused')
  const report = await double.run(['ghcr.io/org/a:1', 'a:1'])
  assert.deepEqual(statusesOf(report), ['failed unauthorized', 'warmed'])
  assert.match(report.results[0]?.remedy ?? '', /--private ghcr\.io=org\/a$/)
  assert.equal(double.count('BLOB', 'ghcr.io'), 0)
})

test('what is not known to be served is not warmed, however whole it is', async () => {
  const double = filled()
  const key = 'docker.io/library/a'
  double.whoMayRead.set(key, 'unknown')
  const left = await double.run(['a:1'])
  assert.deepEqual(statusesOf(left), ['failed other'])
  assert.match(left.results[0]?.because ?? '', /who may read docker\.io\/library\/a could not/)
  double.whoMayRead.set(key, 'served')
  double.log.length = 0
  const check = await double.run(['a:1'], { mode: 'check' })
  assert.deepEqual(statusesOf(check), ['stale'])
  assert.deepEqual(statusesOf(await double.run(['a:1'])), ['warmed'])
  assert.deepEqual([double.count('GET'), double.count('BLOB')], [0, 0])
  assert.deepEqual(statusesOf(await double.run(['a:1'])), ['fresh'])
})

test('what is known to be served needs no question, also of a registry that answers none any more', async () => {
  const double = filled()
  double.script = ({ what }) => {
    if (what === 'SETTLE')
      throw new UpstreamError('rate-limited', '429', { retryAfterMs: 3_600_000 })
  }
  assert.deepEqual(statusesOf(await double.run(['a:1', 'b:1'])), ['warmed', 'warmed'])
})

test('wrong content is told as such where nobody else can be asked', async () => {
  const double = filled()
  let times = 0
  double.script = ({ what }) => {
    if (what !== 'BLOB') return
    times += 1
    if (times === 1) throw new IntegrityError('digest', 'upstream sent something else')
    throw new UpstreamError('bad-response', 'upstream sent wrong content just now')
  }
  assert.deepEqual(statusesOf(await double.run(['a:1'], { jobs: 1 })), ['failed wrong-content'])
})

test('where one image of a repository cannot tell who may read it, another does for both', async () => {
  const double = filled()
  const key = 'docker.io/library/a'
  const [gone, there] = images
  assert.ok(gone && there)
  double.add(key, '2', there)
  double.whoMayRead.set(key, 'unknown')
  double.script = ({ what, digest }) => {
    if (what === 'SETTLE') {
      double.whoMayRead.set(key, digest === gone.top.digest ? 'unknown' : 'served')
    }
  }
  const report = await double.run(['a:1', 'a:2'], { jobs: 1 })
  assert.deepEqual(statusesOf(report), ['warmed', 'warmed'])
})

test('that nobody can tell who may read it fails it for that reason', async () => {
  const double = filled()
  double.whoMayRead.set('docker.io/library/a', 'unknown')
  double.script = ({ what }) => {
    if (what === 'SETTLE') throw new UpstreamError('bad-response', '500')
  }
  const report = await double.run(['a:1'])
  assert.deepEqual(statusesOf(report), ['failed bad-response'])
  assert.match(report.results[0]?.because ?? '', /who may read .* could not be found out: 500/)
})

test('wrong content is asked for once more, since another endpoint may have the right one', async () => {
  const double = filled()
  const wrong = new IntegrityError('digest', 'upstream sent something else')
  let times = 1
  double.script = ({ what }) => {
    if (what === 'BLOB' && (times -= 1) >= 0) throw wrong
  }
  assert.deepEqual(statusesOf(await double.run(['a:1'])), ['warmed'])
  times = Infinity
  const before = double.count('BLOB')
  assert.deepEqual(statusesOf(await double.run(['b:1'], { jobs: 1 })), ['failed wrong-content'])
  assert.ok(double.count('BLOB') - before <= 2 * (images[1]?.blobs.size ?? 0))
})

test('a long pause of one registry for manifests keeps no image of another waiting', async () => {
  const double = filled()
  add(double, 'ghcr.io', 'org/')
  const startedAt = double.nowMs
  double.script = ({ what, registry }) => {
    const isPaused = registry === 'docker.io' && double.nowMs < startedAt + 10 * MINUTE_MS
    if (what === 'GET' && isPaused) throw tooMany(10 * MINUTE_MS)
  }
  const report = await double.run(['a:1', 'ghcr.io/org/b:1'])
  assert.equal(report.outcome, 'done')
  const others = double.log.filter(({ registry }) => registry === 'ghcr.io')
  assert.ok(others.some(({ what }) => what === 'BLOB'))
  assert.deepEqual(new Set(others.map(({ atMs }) => atMs)), new Set([startedAt]))
})

test('what vanishes while the run goes on is fetched once more, and then there is no room', async () => {
  const double = filled()
  double.vanish = 1
  assert.deepEqual(statusesOf(await double.run(['a:1'])), ['warmed'])
  assert.equal(double.count('GET'), 1)
  double.vanish = 2
  const report = await double.run(['b:1'])
  assert.deepEqual(statusesOf(report), ['failed room'])
})

test('a tag whose digest the line names is fresh though upstream cannot be asked', async () => {
  const double = filled()
  const line = `a:1@${images[0]?.top.digest}`
  await double.run([line])
  double.script = () => {
    throw new UpstreamError('unreachable', 'connect ECONNREFUSED')
  }
  const report = await double.run([line])
  assert.deepEqual(statusesOf(report), ['fresh'])
  assert.match(
    report.results[0]?.warnings.join() ?? '',
    /the tag 1 could not be looked up: .*REFUSED/,
  )
  assert.deepEqual(statusesOf(await double.run([line, 'a:1'])), ['fresh', 'failed unreachable'])
})

test('what is put off in the plan is looked at again, with an end set', async () => {
  const double = filled()
  const startedAt = double.nowMs
  double.script = ({ what }) => {
    if (what === 'HEAD' && double.nowMs < startedAt + 20 * MINUTE_MS) throw tooMany(20 * MINUTE_MS)
  }
  const list = ['a:1', 'none:1 optional']
  const report = await double.run(list, { untilAt: startedAt + 60 * MINUTE_MS })
  assert.deepEqual(statusesOf(report), ['warmed'])
  assert.equal(report.outcome, 'done')
  const now = double.nowMs
  double.script = ({ what }) => {
    if (what === 'HEAD' && double.nowMs < now + 20 * MINUTE_MS) throw tooMany(20 * MINUTE_MS)
  }
  assert.deepEqual(statusesOf(await double.run(['b:1'])), ['left rate-limited'])
})
