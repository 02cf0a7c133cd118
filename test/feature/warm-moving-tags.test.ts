import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { REVALIDATE_ALWAYS, Setting } from '../support/test-mirror.ts'
import { statuses, warm } from '../support/warm-run.ts'

const older = buildImage({ seed: 'older', form: 'oci' })
const newer = buildImage({ seed: 'newer', form: 'oci', bigLayers: 1, bigLayerMiB: 2 })
const other = buildImage({ seed: 'other', form: 'oci', architectures: ['amd64'] })
const TAG = '/v2/app/manifests/latest'

async function started(): Promise<Setting> {
  const setting = await Setting.start(REVALIDATE_ALWAYS)
  setting.upstream.addImage('library/app', 'latest', older)
  setting.upstream.addImage('library/other', '1', other)
  return setting
}

// The plan waits for another tag while the first has been looked at.
function holdPlan(setting: Setting): Promise<void> {
  const { upstream } = setting
  upstream.script({ method: 'HEAD', path: 'other', times: 1, reply: { holdHeaders: true } })
  return setting.upstreamAsked(2)
}

// All that a client of the platform asks for.
async function assertPulls(setting: Setting, image: Image): Promise<void> {
  const { mirror } = setting
  const answer = await mirror.get(TAG)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('docker-content-digest'), image.top.digest)
  const amd64 = image.platforms.find(({ architecture }) => architecture === 'amd64')
  assert.ok(amd64)
  assert.equal((await mirror.get(`/v2/app/manifests/${amd64.manifest.digest}`)).status, 200)
  for (const { digest } of [amd64.config, ...amd64.layers]) {
    assert.equal((await mirror.get(`/v2/app/blobs/${digest}`)).status, 200)
  }
}

test('where the planned manifest is gone, the tag is looked at once more', async () => {
  await using setting = await started()
  const { upstream, mirror } = setting
  const looking = holdPlan(setting)
  const running = warm(mirror, ['app', 'other:1'])
  await looking
  upstream.addImage('library/app', 'latest', newer)
  for (const digest of older.manifests.keys()) {
    upstream.repositories.get('library/app')?.manifests.delete(digest)
  }
  upstream.release()
  const run = await running
  assert.deepEqual(statuses(run), [
    'warmed docker.io/library/app:latest',
    'warmed docker.io/library/other:1',
  ])
  assert.equal(run.report.results[0]?.digest, newer.top.digest)
  const heads = setting.asked().filter((line) => line.startsWith('HEAD library/app'))
  assert.equal(heads.length, 2)
  await upstream.close()
  await assertPulls(setting, newer)
})

test('where a pull saw the tag move since the plan, what it saw is warmed', async () => {
  await using setting = await started()
  const { upstream, mirror } = setting
  const looking = holdPlan(setting)
  const running = warm(mirror, ['app', 'other:1'])
  await looking
  upstream.addImage('library/app', 'latest', newer)
  assert.equal((await mirror.get(TAG)).status, 200)
  upstream.release()
  const run = await running
  assert.equal(run.report.results[0]?.digest, newer.top.digest)
  const gets = setting.asked().filter((line) => line.includes(older.top.digest))
  assert.deepEqual(gets, [])
  await upstream.close()
  await assertPulls(setting, newer)
})

test('a night that ends early leaves what was complete pullable without upstream', async () => {
  await using setting = await started()
  const { upstream, mirror } = setting
  await warm(mirror, ['app', 'other:1'])
  upstream.addImage('library/app', 'latest', newer)
  upstream.script({ method: 'GET', path: '/blobs/', reply: { stall: { after: 1000 } } })
  upstream.log.clear()
  const asked = new AbortController()
  const running = warm(mirror, ['app', 'other:1'], {}, { signal: asked.signal })
  await setting.upstreamAsked(2 + 2 + 1)
  asked.abort()
  const run = await running
  assert.equal(run.report.outcome, 'interrupted')
  assert.deepEqual(statuses(run), [
    'left docker.io/library/app:latest',
    'fresh docker.io/library/other:1',
  ])
  assert.equal(run.report.results[0]?.digestBefore, older.top.digest)
  assert.equal(run.report.results[0].digest, older.top.digest)
  await upstream.close()
  await mirror.restart()
  await assertPulls(setting, older)
})

test('a child that is missing leaves the older image where it was', async () => {
  await using setting = await started()
  const { upstream, mirror } = setting
  await warm(mirror, ['app'])
  upstream.addImage('library/app', 'latest', newer)
  for (const { manifest } of newer.platforms) {
    upstream.repositories.get('library/app')?.manifests.delete(manifest.digest)
  }
  const run = await warm(mirror, ['app'])
  assert.deepEqual(statuses(run), ['failed docker.io/library/app:latest'])
  await upstream.close()
  await mirror.restart()
  await assertPulls(setting, older)
})
