import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../support/images.ts'
import { status, tooManyRequests } from '../support/scripted-reply.ts'
import type { Reply, ScriptEntry } from '../support/scripted-reply.ts'
import { Setting } from '../support/test-mirror.ts'
import { statuses, warm } from '../support/warm-run.ts'
import type { WarmRun } from '../support/warm-run.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']
const images = NAMES.map((seed) => buildImage({ seed, form: 'oci' }))
const PLATFORMS = { platforms: ['linux/amd64', 'linux/arm64'] }
const MANIFESTS = /\/manifests\//

async function started(...script: ScriptEntry[]): Promise<Setting> {
  const setting = await Setting.start()
  images.forEach((image, n) => setting.upstream.addImage(`library/${NAMES[n]}`, '1', image))
  setting.upstream.script(...script)
  return setting
}

// Docker Hub's way of counting: GETs of manifests that are answered, told with every one, HEADs too.
function counting(setting: Setting, limit: number, before: number): { readonly left: number } {
  const { log } = setting.upstream
  const left = () =>
    before -
    log.find({ method: 'GET', path: MANIFESTS }).filter((each) => each.status !== 429).length
  setting.upstream.script({
    path: MANIFESTS,
    reply: {
      get headers() {
        const told = (count: number) => `${count};w=21600`
        return { 'ratelimit-limit': told(limit), 'ratelimit-remaining': told(left()) }
      },
    },
  })
  return {
    get left() {
      return left()
    },
  }
}

function hub({ report }: WarmRun) {
  const found = report.registries.find(({ registry }) => registry === 'docker.io')
  assert.ok(found)
  return found
}

test('the price is what upstream counted, and the report tells how many are left', async () => {
  await using setting = await started()
  const counted = counting(setting, 100, 76)
  const run = await warm(setting.mirror, ['a:1', 'b:1', 'c:1'], PLATFORMS)
  assert.equal(run.report.outcome, 'done')
  const price = run.rows.find((row) => row.kind === 'price')
  assert.ok(price)
  assert.equal(price.price.registries[0]?.plannedPulls, 9)
  assert.equal(price.price.registries[0].remainingBefore, 76)
  assert.equal(76 - counted.left, 9)
  assert.equal(hub(run).pulls, 9)
  assert.equal(hub(run).remainingAfter, 67)
  assert.equal(hub(run).reserve, 20)
})

test('pulls that are reserved are not touched, and the next run goes on with the rest', async () => {
  await using setting = await started()
  const counted = counting(setting, 100, 27)
  const list = NAMES.map((name) => `${name}:1`)
  const run = await warm(setting.mirror, list, { ...PLATFORMS, jobs: 1 })
  assert.equal(counted.left, 20)
  assert.equal(run.report.outcome, 'left')
  assert.equal(run.report.totals.warmed, 2)
  assert.equal(run.report.totals.left, 4)
  assert.match(run.report.because ?? '', /docker\.io has 20 pulls left/)
  const again = await warm(setting.mirror, list, { ...PLATFORMS, reserve: 3 })
  assert.equal(again.report.outcome, 'done')
  assert.equal(again.report.totals.fresh, 2)
  assert.equal(counted.left, 27 - 18)
})

test('blobs need no pulls: what has its manifests is warmed without any left', async () => {
  await using setting = await started()
  const { mirror, upstream } = setting
  upstream.script({ method: 'GET', path: '/blobs/', times: 1, reply: status(403) })
  await warm(mirror, ['a:1'], PLATFORMS)
  counting(setting, 100, 0)
  upstream.log.clear()
  const run = await warm(mirror, ['a:1', 'b:1'], PLATFORMS)
  assert.deepEqual(statuses(run), ['warmed docker.io/library/a:1', 'left docker.io/library/b:1'])
})

// More than lookups wait by themselves.
const WAIT_SECONDS = 3
for (const [form, retryAfter] of [
  ['in seconds', () => String(WAIT_SECONDS)],
  // Whole seconds: what is left of the one that has begun is cut off.
  ['as a date', () => new Date(Date.now() + (WAIT_SECONDS + 1) * 1000).toUTCString()],
] as const) {
  test(`a Retry-After ${form} is waited for once, by all that goes to the registry`, async () => {
    const refusal: Reply = {
      ...tooManyRequests(),
      get headers() {
        return { 'retry-after': retryAfter() }
      },
    }
    await using setting = await started({
      ...{ method: 'GET', path: MANIFESTS, times: 1, reply: refusal },
    })
    const run = await warm(setting.mirror, ['a:1', 'b:1', 'c:1'], PLATFORMS)
    assert.equal(run.report.outcome, 'done')
    assert.deepEqual(
      run.notices.map((text) => text.replace(/[34] s/, 'N s')),
      ['docker.io: too many requests, waiting N s as told'],
    )
    assert.equal(setting.upstream.log.all.filter((each) => each.status === 429).length, 1)
    assert.equal(hub(run).pulls, 9)
  })
}

test('a Retry-After of nothing at all is a short wait', async () => {
  const reply = tooManyRequests(0)
  await using setting = await started({ method: 'GET', path: MANIFESTS, times: 2, reply })
  const run = await warm(setting.mirror, ['a:1'])
  assert.equal(run.report.outcome, 'done')
})

test('who is told to come back in an hour leaves it, and says until when', async () => {
  const reply = tooManyRequests(3600)
  await using setting = await started({ method: 'GET', path: MANIFESTS, reply })
  const run = await warm(setting.mirror, ['a:1', 'b:1'])
  assert.equal(run.report.outcome, 'left')
  assert.deepEqual(new Set(run.report.results.map(({ cause }) => cause)), new Set(['rate-limited']))
  assert.ok(setting.upstream.log.find({ method: 'GET', path: MANIFESTS }).length <= 2)
  assert.equal(hub(run).waitedMs, 0)
})

test('a token server that limits is waited for like its registry', async () => {
  await using setting = await started({ path: '/token', times: 1, reply: tooManyRequests(1) })
  setting.upstream.needsToken = true
  const run = await warm(setting.mirror, ['a:1'])
  assert.deepEqual(statuses(run), ['warmed docker.io/library/a:1'])
})

test('a 503 passes, a 403 does not', async () => {
  await using setting = await started(
    { method: 'GET', path: 'a/manifests', times: 4, reply: status(503) },
    { path: 'b/manifests', reply: status(403) },
  )
  const run = await warm(setting.mirror, ['a:1', 'b:1'])
  assert.deepEqual(statuses(run), ['warmed docker.io/library/a:1', 'failed docker.io/library/b:1'])
  assert.equal(run.report.results[1]?.cause, 'unauthorized')
  assert.match(run.report.results[1].remedy ?? '', /regmirror login docker\.io/)
})

test('without any answer it is over soon, in one sentence', async () => {
  await using setting = await started()
  await setting.upstream.close()
  const run = await warm(setting.mirror, ['a:1', 'b:1', 'ghcr.io/x/y:1'])
  assert.equal(run.report.outcome, 'nothing')
  assert.match(run.report.because ?? '', /^no network: .*docker\.io, ghcr\.io/)
})
