import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WarmRow } from '../../src/care/warm-job.ts'
import { machinePlatform } from '../../src/lib/machine-platform.ts'
import { buildImage } from '../support/images.ts'
import { Setting } from '../support/test-mirror.ts'
import { statuses, warm } from '../support/warm-run.ts'
import type { WarmRun } from '../support/warm-run.ts'

const ARM = { platforms: ['linux/arm64'] }
const small = imageOf('small')

function imageOf(seed: string, smallLayers = 1) {
  return buildImage({ seed, form: 'oci', architectures: ['arm64'], smallLayers })
}

// Every tag of a repository is the same image: what is fetched of it is fetched once.
async function started(
  repositories: Readonly<Record<string, readonly string[]>>,
): Promise<Setting> {
  const setting = await Setting.start()
  for (const [name, tags] of Object.entries(repositories)) {
    for (const tag of tags) setting.upstream.addImage(name, tag, small)
  }
  return setting
}

function references(run: WarmRun): readonly string[] {
  return run.report.results.map(({ reference }) => reference.replace(/^docker\.io\/library\//, ''))
}

function count(asked: readonly string[], what: RegExp): number {
  return asked.filter((line) => what.test(line)).length
}

const HEAD = /^HEAD .*\/manifests\//
const LIST = /^GET .*\/tags\/list/

const REDIS = ['6.2', '7.0', '7.2', '7.4', '7.4-alpine', '8.0', '8.2-rc.1', 'latest', 'nightly']

test('of all that a line’s options select each tag is looked up once, and the list once', async () => {
  await using setting = await started({ 'library/redis': REDIS })
  const run = await warm(
    setting.mirror,
    [
      'redis:7.*     newest=2 variant=""',
      'redis         newest=1',
      'redis:*       semver=">=6 <7.1" not=7.0*',
      'redis:nightly',
    ],
    ARM,
  )
  assert.deepEqual(references(run), [
    'redis:7.4',
    'redis:7.2',
    'redis:8.0',
    'redis:6.2',
    'redis:nightly',
  ])
  const asked = setting.asked()
  assert.equal(count(asked, LIST), 1)
  assert.equal(count(asked, HEAD), 5)
})

test('@exclude is for patterns alone, "!" for what is written out too', async () => {
  await using setting = await started({ 'library/redis': REDIS })
  const list = ['@exclude *-rc* nightly', '!redis:7.4*', 'redis:8.*,nightly', 'redis:7.4,7.2']
  const run = await warm(setting.mirror, list, ARM)
  assert.deepEqual(references(run), ['redis:nightly', 'redis:8.0', 'redis:7.2'])
  assert.equal(run.report.outcome, 'done')
  assert.ok(
    run.notices.some((text) => /7\.4,7\.2: the tag 7\.4 is blocked by a "!" line/.test(text)),
  )
  assert.equal(count(setting.asked(), HEAD), 3)
})

test('a line without tags is one HEAD for latest, and no list', async () => {
  await using setting = await started({ 'library/redis': REDIS })
  const run = await warm(setting.mirror, ['redis'], ARM)
  assert.deepEqual(references(run), ['redis:latest'])
  const asked = setting.asked()
  assert.deepEqual([count(asked, LIST), count(asked, HEAD)], [0, 1])
})

test('where there is no latest it is the newest release, with a warning', async () => {
  await using setting = await started({ 'library/app': ['1.9', '1.10', '1.11-rc.1', 'edge'] })
  const run = await warm(setting.mirror, ['app'], ARM)
  assert.deepEqual(statuses(run), ['warmed docker.io/library/app:1.10'])
  assert.match(run.report.results[0]?.warnings[0] ?? '', /no tag latest/)
  const asked = setting.asked()
  assert.deepEqual([count(asked, LIST), count(asked, HEAD)], [1, 2])
})

test('a line whose repository has neither a latest nor a version fails once, with what there is', async () => {
  await using setting = await started({ 'library/app': ['edge', 'nightly'] })
  const run = await warm(setting.mirror, ['app', 'gone', 'gone optional'], ARM)
  assert.deepEqual(
    run.report.results.map(({ reference, cause, because }) => [reference, cause, because]),
    [
      [
        'docker.io/library/app',
        'no-match',
        'it has no tag latest, and none of its 2 tags is a version',
      ],
      [
        'docker.io/library/gone',
        'not-found',
        'it has no tag latest, and docker.io lists no tags of library/gone',
      ],
    ],
  )
})

test('what clients pulled is warmed with the line of its repository, and as what is under a name', async () => {
  await using setting = await started({
    'library/app': ['latest', '1.0', '2.0'],
    'org/one': ['3'],
    'org/two': ['4'],
  })
  const { mirror, upstream } = setting
  for (const path of ['/v2/app/manifests/2.0', '/v2/ghcr.io/org/one/manifests/3']) {
    assert.equal((await mirror.get(path)).status, 200)
  }
  const run = await warm(mirror, ['app', 'ghcr.io/org/*'], ARM)
  assert.deepEqual(references(run), ['app:latest', 'app:2.0', 'ghcr.io/org/one:3'])
  assert.equal(run.report.outcome, 'done')
  assert.ok(run.notices.some((text) => text.startsWith('ghcr.io/org/*: ')))

  upstream.tag('library/app', '2.0', undefined)
  const later = await warm(mirror, ['app'], ARM)
  assert.deepEqual(references(later), ['app:latest'])
  assert.equal(later.report.outcome, 'done')
  assert.ok(later.notices.some((text) => /app:2\.0: clients used it lately/.test(text)))
})

test('a line that means what clients used, and nobody did, is a note', async () => {
  await using setting = await started({ 'library/app': ['latest'] })
  const run = await warm(setting.mirror, ['@defaults bare=used', 'app', 'other'], ARM)
  assert.deepEqual(statuses(run), [])
  assert.equal(run.report.outcome, 'done')
  assert.deepEqual(run.notices, [
    'clients used nothing lately of docker.io/library/app, docker.io/library/other',
  ])
  assert.deepEqual(setting.asked(), [])
})

test('platforms=host is the machine’s own', async () => {
  await using setting = await Setting.start()
  const [, architecture = ''] = machinePlatform().split('/')
  setting.upstream.addImage('library/app', '1', buildImage({ seed: 'host', form: 'oci' }))
  const run = await warm(setting.mirror, ['app:1 platforms=host'], { platforms: ['all'] })
  assert.deepEqual(
    run.report.results[0]?.platforms.map((each) => each.split('/')[1]),
    [architecture],
  )
})

test('a pattern that selects more than its line takes fails the line, and nothing of it is asked for', async () => {
  const many = Array.from({ length: 60 }, (_, n) => `1.${n}`)
  await using setting = await started({ 'library/app': [...many, 'edge'] })
  const run = await warm(setting.mirror, ['app:1.*,edge'], ARM)
  assert.deepEqual(
    run.report.results.map(({ reference, status, cause }) => [reference, status, cause]),
    [
      ['docker.io/library/app:1.*,edge', 'failed', 'too-many'],
      ['docker.io/library/app:edge', 'warmed', undefined],
    ],
  )
  assert.match(run.report.results[0]?.because ?? '', /selects 60 tags, and 50/)
  assert.equal(count(setting.asked(), HEAD), 1)
  const more = await warm(setting.mirror, ['app:1.* max=60'], { ...ARM, mode: 'plan' })
  assert.equal(more.report.totals.references, 60)
})

test('fewer tags than min fail the line, and what there is is warmed', async () => {
  await using setting = await started({ 'library/app': ['1.0', 'edge'] })
  const run = await warm(setting.mirror, ['app:1.* min=2', 'app:2.* optional'], ARM)
  assert.deepEqual(statuses(run), [
    'failed docker.io/library/app:1.*',
    'warmed docker.io/library/app:1.0',
  ])
  assert.match(run.report.results[0]?.because ?? '', /^only 1 of its 2 tags is selected, and min=2/)
  assert.equal(run.report.results[0]?.cause, 'no-match')
})

test('what was looked up within every= costs no request, and the strictest line counts', async () => {
  await using setting = await started({ 'library/app': ['1', '2', 'latest'] })
  const list = ['@defaults every=12h', 'app:1', 'app', 'app:2 every=never']
  assert.equal((await warm(setting.mirror, list, ARM)).report.totals.warmed, 3)
  setting.asked()
  const again = await warm(setting.mirror, list, ARM)
  assert.equal(again.report.totals.fresh, 3)
  assert.deepEqual(setting.asked(), [])
  const strict = await warm(setting.mirror, [...list, 'app:1 every=always'], ARM)
  assert.equal(strict.report.totals.fresh, 3)
  assert.deepEqual(setting.asked(), ['HEAD library/app/manifests/1'])
})

test('what is not whole is looked up, whatever every= says', async () => {
  await using setting = await started({ 'library/app': ['1'] })
  assert.equal((await setting.mirror.get('/v2/app/manifests/1')).status, 200)
  setting.asked()
  const run = await warm(setting.mirror, ['app:1 every=never'], ARM)
  assert.deepEqual(statuses(run), ['warmed docker.io/library/app:1'])
  assert.equal(count(setting.asked(), HEAD), 1)
})

test('high comes before normal before low, manifests and blobs', async () => {
  await using setting = await Setting.start()
  for (const name of ['low', 'normal', 'high']) {
    setting.upstream.addImage(`library/${name}`, '1', imageOf(name, 2))
  }
  const list = ['low:1 priority=low', 'normal:1', 'high:1 priority=high']
  await warm(setting.mirror, list, { ...ARM, jobs: 1 })
  const gets = setting.asked({ method: 'GET' })
  const order = (what: string) =>
    gets.flatMap((line) => (line.includes(what) ? (/library\/(\w+)/.exec(line)?.[1] ?? []) : []))
  assert.deepEqual(order('/manifests/'), ['high', 'normal', 'low'])
  const blobs = order('/blobs/')
  assert.deepEqual(
    blobs,
    blobs.toSorted((one, other) => 'hnl'.indexOf(one[0] ?? '') - 'hnl'.indexOf(other[0] ?? '')),
  )
  assert.equal(new Set(blobs).size, 3)
})

test('a larger image than max-size is passed over as soon as its manifest tells', async () => {
  await using setting = await started({ 'library/app': ['1'] })
  for (const [mode, gets] of [
    ['run', 1],
    ['check', 0],
  ] as const) {
    const run = await warm(setting.mirror, ['app:1 max-size=1kB'], { ...ARM, mode })
    assert.deepEqual(statuses(run), [])
    assert.equal(run.report.outcome, 'done')
    const price = run.rows.find((row) => row.kind === 'price')?.price
    assert.equal(price?.references, mode === 'run' ? 1 : 0)
    assert.ok(run.notices.some((text) => /app:1: it takes .*, and max-size=/.test(text)))
    assert.equal(count(setting.asked({ method: 'GET' }), /library/), gets)
  }
  const larger = await warm(setting.mirror, ['app:1 max-size=1kB', 'app:1 max-size=1GB'], ARM)
  assert.deepEqual(statuses(larger), ['warmed docker.io/library/app:1'])
})

test('another name for a registry is its own list’s', async () => {
  await using setting = await started({ 'org/app': ['1'] })
  const list = ['@registry ghcr.io alias=hub.lan', 'hub.lan/org/app:1']
  const run = await warm(setting.mirror, list, ARM)
  assert.deepEqual(statuses(run), ['warmed ghcr.io/org/app:1'])
  const without = await warm(setting.mirror, list.slice(1), ARM)
  assert.equal(without.report.results[0]?.cause, 'not-served')
})

test('what is included is warmed in its place, named by its own file', async () => {
  await using setting = await started({ 'library/app': ['1', '2'] })
  const included = { line: 2, list: { name: 'more.txt', text: 'app:2\ngone:1\n' } }
  const text = '@defaults platforms=linux/arm64\n@include more.txt\napp:1\n'
  const run = await warm(setting.mirror, [], {
    sources: [{ name: 'mirror.txt', text, includes: [included] }],
  })
  assert.deepEqual(statuses(run), [
    'warmed docker.io/library/app:2',
    'failed docker.io/library/gone:1',
    'warmed docker.io/library/app:1',
  ])
  assert.deepEqual(run.report.results[1]?.places, [{ source: 'more.txt', line: 2 }])
})

test('explain tells of each line what it selects, fetches no manifest, and is what a run then does', async () => {
  await using setting = await started({ 'library/redis': REDIS })
  const list = ['redis:7.* newest=1', 'gone:1.*', 'redis:8.* optional min=5', 'redis']
  const run = await warm(setting.mirror, list, { ...ARM, mode: 'explain' })
  const lines = run.rows.filter((row): row is WarmRow & { kind: 'line' } => row.kind === 'line')
  assert.deepEqual(
    lines.map(({ place, images }) => [place.line, ...images.map((each) => each.reference)]),
    [
      [1, 'docker.io/library/redis:7.4'],
      [2],
      [3, 'docker.io/library/redis:8.0', 'docker.io/library/redis:8.2-rc.1'],
      [4, 'docker.io/library/redis:latest'],
    ],
  )
  const [first, gone, few] = lines
  assert.equal(first?.listed, REDIS.length)
  assert.deepEqual(first.images[0]?.by, 'pattern')
  assert.deepEqual(
    new Map(first.dropped.map(({ because, count: dropped }) => [because, dropped])),
    new Map([
      ['unmatched', 5],
      ['older', 2],
      ['same-version', 1],
    ]),
  )
  assert.match(gone?.problem ?? '', /lists no tags of library\/gone/)
  assert.equal(few?.problem, undefined)
  assert.equal(count(setting.asked(), /^GET .*\/(manifests|blobs)\//), 0)
  const warmed = await warm(setting.mirror, list, ARM)
  assert.deepEqual(
    warmed.report.results
      .filter(({ status }) => status === 'warmed')
      .map(({ reference }) => reference),
    lines.flatMap(({ images }) => images.map(({ reference }) => reference)),
  )
})

test('a list with many lines without tags is told once what they mean', async () => {
  await using setting = await started({ 'library/app': ['latest'] })
  const list = Array.from({ length: 21 }, () => 'app')
  const told = async () =>
    (await warm(setting.mirror, list, ARM)).notices.filter((text) =>
      text.includes('@defaults bare='),
    )
  assert.equal((await told()).length, 1)
  assert.deepEqual(await told(), [])
})
