import assert from 'node:assert/strict'
import { test } from 'node:test'
import { artifact, contentOf, described, indexOf } from '../support/artifacts.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { HEAD_REFUSED, digestHeader, status } from '../support/scripted-reply.ts'
import { Setting } from '../support/test-mirror.ts'
import { statuses, warm } from '../support/warm-run.ts'

const two = buildImage({ seed: 'two', form: 'oci' })
const docker = buildImage({ seed: 'docker', form: 'docker' })
const single = buildImage({ seed: 'single', form: 'oci', architectures: ['amd64'] })

const BOTH = { platforms: ['linux/amd64', 'linux/arm64'] }

async function started(): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addImage('library/two', '1', two)
  setting.upstream.addImage('library/docker', '1', docker)
  setting.upstream.addImage('org/single', '1', single)
  return setting
}

function countOf(asked: readonly string[], what: RegExp): number {
  return asked.filter((line) => what.test(line)).length
}

const MANIFEST_GET = /^GET .*\/manifests\//

// All that the image lists, asked for with upstream gone.
async function assertOffline(setting: Setting, path: string, image: Image): Promise<void> {
  await setting.mirror.restart({ offline: true })
  const { top, manifests, blobs } = image
  for (const what of ['1', top.digest, ...manifests.keys()]) {
    assert.equal((await setting.mirror.get(`${path}/manifests/${what}`)).status, 200, what)
  }
  for (const [digest, { size }] of blobs) {
    const { status: code, body } = await setting.mirror.get(`${path}/blobs/${digest}`)
    assert.deepEqual([code, body.length], [200, size], digest)
  }
}

test('a list is warmed with one HEAD per tag, and each thing is fetched once', async () => {
  await using setting = await started()
  const run = await warm(setting.mirror, ['two:1', 'docker:1', 'ghcr.io/org/single:1'])
  assert.deepEqual(statuses(run), [
    'warmed docker.io/library/two:1',
    'warmed docker.io/library/docker:1',
    'warmed ghcr.io/org/single:1',
  ])
  assert.equal(run.report.outcome, 'done')
  const asked = setting.asked()
  assert.equal(asked.length, new Set(asked).size)
  assert.equal(countOf(asked, /^HEAD/), 3)
  assert.equal(countOf(asked, MANIFEST_GET), 2 + 2 + 1)
  const arm = two.platforms.find(({ architecture }) => architecture === 'arm64')
  assert.equal(countOf(asked, new RegExp(arm?.manifest.digest ?? '')), 0)
})

test('all of it is there without upstream', async () => {
  await using setting = await started()
  await warm(setting.mirror, ['two:1', 'docker:1', 'ghcr.io/org/single:1'], BOTH)
  await assertOffline(setting, '/v2/two', two)
  await assertOffline(setting, '/v2/docker', docker)
  await assertOffline(setting, '/v2/ghcr.io/org/single', single)
})

test('the second run fetches nothing: one HEAD per tag, and none for a digest', async () => {
  await using setting = await started()
  const list = ['two:1', 'docker:1', 'ghcr.io/org/single:1', `docker@${docker.top.digest}`]
  await warm(setting.mirror, list, BOTH)
  setting.asked()
  const again = await warm(setting.mirror, list, BOTH)
  assert.equal(again.report.totals.fresh, 4)
  assert.equal(again.report.totals.bytesNew, 0)
  assert.deepEqual(setting.asked().toSorted(), [
    'HEAD library/docker/manifests/1',
    'HEAD library/two/manifests/1',
    'HEAD org/single/manifests/1',
  ])
})

test('two lines that mean one image warm it for the platforms of both', async () => {
  await using setting = await started()
  const list = ['two:1 platforms=linux/amd64', 'docker.io/library/two:1 platforms=linux/arm64']
  const run = await warm(setting.mirror, list)
  assert.deepEqual(statuses(run), ['warmed docker.io/library/two:1'])
  const [result] = run.report.results
  assert.deepEqual(result?.platforms.toSorted(), ['linux/amd64', 'linux/arm64/v8'])
  assert.deepEqual(
    result.places.map(({ line }) => line),
    [1, 2],
  )
  assert.equal(countOf(setting.asked(), /^HEAD/), 1)
  await assertOffline(setting, '/v2/two', two)
})

test('another platform later costs its manifest and what is its own', async () => {
  await using setting = await started()
  await warm(setting.mirror, ['two:1'])
  setting.asked()
  const more = await warm(setting.mirror, ['two:1'], BOTH)
  assert.deepEqual(statuses(more), ['warmed docker.io/library/two:1'])
  assert.equal(countOf(setting.asked(), MANIFEST_GET), 1)
  assert.equal(more.report.registries[0]?.plannedPulls, 1)
})

test('a platform that is lacking is a warning, and a failure where nothing else is wanted', async () => {
  await using setting = await started()
  const some = await warm(setting.mirror, ['two:1'], {
    platforms: ['linux/amd64', 'linux/s390x'],
  })
  assert.deepEqual(some.report.results[0]?.warnings, ['linux/s390x does not exist'])
  assert.equal(some.report.outcome, 'done')
  const none = await warm(setting.mirror, ['docker:1', 'two:1'], { platforms: ['linux/s390x'] })
  assert.deepEqual(
    none.report.results.map(({ cause }) => cause),
    ['platform', 'platform'],
  )
  assert.match(none.report.results[0]?.because ?? '', /linux\/amd64, linux\/arm64/)
  const whole = await warm(setting.mirror, ['ghcr.io/org/single:1'], {
    platforms: ['linux/s390x'],
  })
  assert.equal(whole.report.outcome, 'done')
})

test('entries without a platform come along, attestations do not', async () => {
  await using setting = await Setting.start()
  const { upstream, mirror } = setting
  const [amd64, arm64] = two.platforms
  assert.ok(amd64 && arm64)
  const attestation = artifact({ config: described('x', contentOf(Buffer.from('a'))), layers: [] })
  const index = indexOf([
    { ...amd64.manifest, platform: { os: 'linux', architecture: 'amd64' } } as never,
    arm64.manifest,
    { ...attestation.top, platform: { os: 'unknown', architecture: 'unknown' } } as never,
  ])
  upstream.addImage('library/app', '1', {
    ...two,
    top: index.top,
    manifests: new Map([...two.manifests, ...index.manifests, ...attestation.manifests]),
  })
  const run = await warm(mirror, ['app:1'])
  assert.equal(run.report.outcome, 'done')
  const asked = setting.asked()
  assert.equal(countOf(asked, MANIFEST_GET), 3)
  assert.ok(!asked.some((line) => line.includes(attestation.top.digest)))
})

test('a signature and its unknown config are warmed like anything else', async () => {
  await using setting = await Setting.start()
  const config = contentOf(Buffer.from('{"critical":{}}'))
  const layer = contentOf(Buffer.from('signature'))
  const signature = artifact(
    {
      config: described('application/vnd.dev.cosign.simplesigning.v1+json', config),
      layers: [described('application/vnd.dev.cosign.simplesigning.v1+json', layer)],
    },
    { contents: [config, layer] },
  )
  setting.upstream.addImage('library/app', '1', signature)
  const run = await warm(setting.mirror, ['app:1'])
  assert.deepEqual(statuses(run), ['warmed docker.io/library/app:1'])
  assert.deepEqual(run.report.results[0]?.platforms, [''])
  await assertOffline(setting, '/v2/app', signature)
})

test('a registry whose HEAD names no digest is asked by GET, which is in the price', async () => {
  await using setting = await started()
  setting.upstream.script({ method: 'HEAD', reply: digestHeader(null) })
  const run = await warm(setting.mirror, ['two:1', 'ghcr.io/org/single:1'])
  assert.equal(run.report.outcome, 'done')
  const gets = countOf(setting.asked(), MANIFEST_GET)
  const planned = run.report.registries.reduce((sum, each) => sum + each.plannedPulls, 0)
  assert.deepEqual([gets, planned], [3, 4])
})

test('a registry that refuses HEAD is sent no GET for a plan, and its price is right', async () => {
  await using setting = await started()
  setting.upstream.script(HEAD_REFUSED)
  await warm(setting.mirror, ['two:1'], { mode: 'plan' })
  assert.equal(countOf(setting.asked(), MANIFEST_GET), 0)
  const run = await warm(setting.mirror, ['two:1'])
  assert.deepEqual(statuses(run), ['warmed docker.io/library/two:1'])
  assert.equal(countOf(setting.asked(), MANIFEST_GET), run.report.registries[0]?.plannedPulls)
})

test('a child that upstream does not have fails its image alone', async () => {
  await using setting = await started()
  const [amd64] = two.platforms
  setting.upstream.repositories.get('library/two')?.manifests.delete(amd64?.manifest.digest ?? '')
  const run = await warm(setting.mirror, ['two:1', 'docker:1'])
  assert.deepEqual(statuses(run), [
    'failed docker.io/library/two:1',
    'warmed docker.io/library/docker:1',
  ])
  assert.equal(run.report.results[0]?.cause, 'not-found')
  assert.match(run.report.results[0].because ?? '', new RegExp(amd64?.manifest.digest ?? ''))
})

test('a blob that upstream does not have fails its image alone', async () => {
  await using setting = await started()
  const [layer] = single.platforms[0]?.layers ?? []
  setting.upstream.repositories.get('org/single')?.blobs.delete(layer?.digest ?? '')
  const run = await warm(setting.mirror, ['ghcr.io/org/single:1', 'docker:1'])
  assert.deepEqual(statuses(run), [
    'failed ghcr.io/org/single:1',
    'warmed docker.io/library/docker:1',
  ])
  assert.equal(run.report.results[0]?.cause, 'not-found')
})

test('a list of tags that fails fails its line, and what cannot be a tag is passed over', async () => {
  await using setting = await started()
  const { upstream, mirror } = setting
  upstream.tag('library/two', '1/../2', two.top.digest)
  upstream.tag('library/two', '-bad', two.top.digest)
  const run = await warm(mirror, ['two:*'])
  assert.deepEqual(statuses(run), ['warmed docker.io/library/two:1'])
  upstream.script({ method: 'GET', path: 'docker/tags/list', reply: status(403) })
  const failed = await warm(mirror, ['docker:1.*', 'two:1'])
  assert.equal(failed.report.outcome, 'failures')
  assert.deepEqual(statuses(failed), [
    'failed docker.io/library/docker:1.*',
    'fresh docker.io/library/two:1',
  ])
})

for (const mode of ['plan', 'check'] as const) {
  test(`a ${mode} sends HEADs and asks for lists, and fetches nothing`, async () => {
    await using setting = await started()
    await warm(setting.mirror, ['two:1'])
    setting.asked()
    const run = await warm(setting.mirror, ['two:1', 'docker:*', 'two:none'], { mode })
    assert.deepEqual(statuses(run).toSorted(), [
      'failed docker.io/library/two:none',
      'fresh docker.io/library/two:1',
      'stale docker.io/library/docker:1',
    ])
    const asked = setting.asked()
    assert.ok(asked.every((line) => line.startsWith('HEAD') || line.includes('tags/list')))
    assert.equal(run.rows.at(-1)?.kind, 'price')
    assert.equal(run.failedList, undefined)
  })
}

test('what one registry has is not downloaded again for another', async () => {
  await using setting = await started()
  setting.upstream.addImage('org/two', '1', two)
  const run = await warm(setting.mirror, ['two:1', 'ghcr.io/org/two:1'])
  assert.equal(run.report.outcome, 'done')
  const blobs = setting.asked().filter((line) => line.startsWith('GET') && line.includes('/blobs/'))
  const digests = blobs.map((line) => line.split('/').at(-1))
  assert.equal(digests.length, new Set(digests).size)
  await assertOffline(setting, '/v2/ghcr.io/org/two', {
    ...two,
    manifests: new Map(),
    blobs: new Map(),
  })
})

test('a tag with a digest is the digest, with a warning where the tag has moved', async () => {
  await using setting = await started()
  const { upstream, mirror } = setting
  upstream.addImage('library/two', '1', docker)
  const run = await warm(mirror, [`two:1@${two.top.digest}`])
  assert.deepEqual(statuses(run), [`warmed docker.io/library/two:1@${two.top.digest}`])
  assert.match(run.report.results[0]?.warnings[0] ?? '', /tag 1 points to sha256/)
  assert.equal(countOf(setting.asked(), new RegExp(`GET .*${docker.top.digest}`)), 0)
})
