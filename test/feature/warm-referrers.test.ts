import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { WarmAsk } from '../../src/care/warm-job.ts'
import { artifact, contentOf, described, indexOf, referrer } from '../support/artifacts.ts'
import { putClockForward, OWN_CLOCK } from '../support/clock.ts'
import { buildImage, MEDIA_TYPES } from '../support/images.ts'
import type { Descriptor, Image } from '../support/images.ts'
import { status } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { ON_BINARY, oneOnBinary } from '../support/packaged-mirror.ts'
import { publishedDigests } from '../support/store-invariants.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { Setting } from '../support/test-mirror.ts'
import type { ConfigChanges } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'
import { statuses, warm } from '../support/warm-run.ts'
import type { WarmRun } from '../support/warm-run.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const INDEX = MEDIA_TYPES.oci.index
const SIGNATURE = 'application/vnd.dev.cosign.artifact.sig.v1+json'
const SBOM = 'application/spdx+json'
const NO_API: Reply = {
  status: 404,
  headers: { 'content-type': 'text/plain' },
  body: 'not found\n',
}
const APP = 'docker.io/library/app'
const LINE = 'app:1 referrers=yes'
// Each start of the program takes a while.
const IN_PROCESS = { skip: ON_BINARY && 'the same in the program' }

const app = buildImage({ seed: 'app', form: 'oci' })
const amd64 = manifestOf('amd64')
const arm64 = manifestOf('arm64')
const signature = referrer(app.top, SIGNATURE, { by: 'somebody' })
const bom = referrer(amd64, SBOM)
const bomSignature = referrer(bom.descriptor, SIGNATURE)
// What refers to these is not wanted: it is too far away, or of another platform.
const notary = referrer(bomSignature.descriptor, 'application/vnd.example.notary')
const armBom = referrer(arm64, SBOM)
const REFERRING: Record<string, readonly Referrer[]> = {
  [app.top.digest]: [signature],
  [amd64.digest]: [bom],
  [arm64.digest]: [armBom],
  [bom.descriptor.digest]: [bomSignature],
  [bomSignature.descriptor.digest]: [notary],
}

type Referrer = ReturnType<typeof referrer>

function manifestOf(architecture: string): Descriptor {
  const found = app.platforms.find((platform) => platform.architecture === architecture)
  assert.ok(found)
  return found.manifest
}

// As cosign has always pushed them: a manifest that only its tag ties to the image.
function cosigned(what: string): Image {
  const [config, layer] = [`{"of":"${what}"}`, what].map((text) => contentOf(Buffer.from(text)))
  assert.ok(config && layer)
  const json = {
    config: described(MEDIA_TYPES.oci.config, config),
    layers: [described('application/vnd.dev.cosign.simplesigning.v1+json', layer)],
  }
  return artifact(json, { contents: [config, layer] })
}

function tagOf({ digest }: Descriptor, kind = ''): string {
  return digest.replace(':', '-') + kind
}

function listing(referrers: readonly Referrer[]): Reply {
  const manifests = referrers.map(({ descriptor }) => descriptor)
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })
  return { status: 200, headers: { 'content-type': INDEX }, body }
}

async function started(image: Image = app): Promise<Setting> {
  const setting = await Setting.start()
  setting.upstream.addImage('library/app', '1', image)
  return setting
}

// The registry has the referrers API.
async function withApi(referring = REFERRING): Promise<Setting> {
  const setting = await started()
  answerReferrers(setting, referring)
  return setting
}

function answerReferrers({ upstream }: Setting, referring: typeof REFERRING): void {
  for (const [subject, referrers] of Object.entries(referring)) {
    for (const { image } of referrers) upstream.addImage('library/app', 'unnamed', image)
    upstream.script({ path: `/referrers/${subject}`, reply: listing(referrers) })
  }
  upstream.tag('library/app', 'unnamed', undefined)
  upstream.script({ path: '/referrers/', reply: listing([]) })
}

// It has only the tags that stand in for it.
async function withoutApi(referring = REFERRING): Promise<Setting> {
  const setting = await started()
  setting.upstream.script({ path: '/referrers/', reply: NO_API })
  for (const [subject, referrers] of Object.entries(referring)) {
    for (const { image } of referrers) setting.upstream.addImage('library/app', 'unnamed', image)
    const list = indexOf(referrers.map(({ descriptor }) => descriptor))
    setting.upstream.addImage('library/app', subject.replace(':', '-'), list)
  }
  setting.upstream.tag('library/app', 'unnamed', undefined)
  return setting
}

// By what they are asked for: `HEAD .sig`, `GET referrers`, `GET manifests`, `GET blobs`.
function counts(setting: Setting): Readonly<Record<string, number>> {
  const kinds = setting.asked().map((line) => {
    const [, method = '', what = ''] =
      /^(\w+) .*\/(manifests|blobs|referrers|tags)\//.exec(line) ?? []
    const kind = /sha256-\w+(\.\w+)?$/.exec(line)
    if (method === 'HEAD' && kind) return kind[1] === undefined ? 'HEAD list' : 'HEAD cosign'
    return `${method} ${what}`
  })
  return Object.fromEntries(
    Object.entries(Object.groupBy(kinds, (kind) => kind)).map(([kind, all = []]) => [
      kind,
      all.length,
    ]),
  )
}

async function referrersOf(
  { mirror }: Setting,
  { digest }: Descriptor,
): Promise<readonly unknown[]> {
  const answer = await mirror.get(`/v2/app/referrers/${digest}`)
  assert.equal(answer.status, 200)
  return (JSON.parse(answer.body.toString()) as { manifests: unknown[] }).manifests
}

// With upstream gone: by digest, and all its blobs.
async function assertHeld({ mirror }: Setting, image: Image, tag?: string): Promise<void> {
  for (const name of [image.top.digest, ...(tag === undefined ? [] : [tag])]) {
    const { status: code, body } = await mirror.get(`/v2/app/manifests/${name}`)
    assert.equal(code, 200, name)
    assert.deepEqual(body, image.manifests.get(image.top.digest)?.bytes)
  }
  for (const [digest, { size }] of image.blobs) {
    const { status: code, body } = await mirror.get(`/v2/app/blobs/${digest}`)
    assert.deepEqual([code, body.length], [200, size], digest)
  }
}

async function isHeld({ mirror }: Setting, { digest }: Descriptor): Promise<boolean> {
  return (await mirror.get(`/v2/app/manifests/${digest}`)).status === 200
}

function planned({ rows }: WarmRun): number | undefined {
  const price = rows.find((row) => row.kind === 'price')
  return price?.price.registries[0]?.plannedPulls
}

const OF_LISTS = [
  `warmed ${APP}@${signature.descriptor.digest}`,
  `warmed ${APP}@${bom.descriptor.digest}`,
  `warmed ${APP}@${bomSignature.descriptor.digest}`,
]

test('what refers to an image comes only where its line says so', async () => {
  await using setting = await withApi()
  const run = await warm(setting.mirror, ['app:1'])
  assert.deepEqual(statuses(run), [`warmed ${APP}:1`])
  assert.deepEqual(setting.asked({ path: /referrers|sha256-/ }), [])
})

test('what the referrers API lists for the index, the platform, and what refers to that, is read back offline', async () => {
  await using setting = await withApi()
  const run = await warm(setting.mirror, [LINE])
  assert.deepEqual(statuses(run), [`warmed ${APP}:1`, ...OF_LISTS])
  assert.deepEqual(
    run.report.results.map(({ places }) => places.map(({ line }) => line)),
    [[1], [1], [1], [1]],
  )
  assert.deepEqual(counts(setting), {
    'HEAD manifests': 1,
    'GET manifests': 5,
    'HEAD cosign': 12,
    'GET referrers': 4,
    'GET blobs': app.platforms[0]!.layers.length + 1 + 3 + 1,
  })
  await setting.mirror.restart({ offline: true })
  assert.deepEqual(await referrersOf(setting, app.top), [signature.descriptor])
  assert.deepEqual(await referrersOf(setting, amd64), [bom.descriptor])
  assert.deepEqual(await referrersOf(setting, bom.descriptor), [bomSignature.descriptor])
  for (const { image } of [signature, bom, bomSignature]) await assertHeld(setting, image)
  assert.equal(await isHeld(setting, notary.descriptor), false)
  assert.equal(await isHeld(setting, armBom.descriptor), false)
})

test('the second run asks again, one question for each tag and each list, and fetches nothing', async () => {
  await using setting = await withApi()
  await warm(setting.mirror, [LINE])
  setting.asked()
  const again = await warm(setting.mirror, [LINE])
  assert.deepEqual(again.report.totals.fresh, 4)
  assert.equal(planned(again), 0)
  assert.deepEqual(counts(setting), { 'HEAD manifests': 1, 'HEAD cosign': 12, 'GET referrers': 4 })
})

test(
  'an image that was warmed without them gets what refers to it, and its price says so',
  IN_PROCESS,
  async () => {
    await using setting = await withApi()
    await warm(setting.mirror, ['app:1'])
    setting.asked()
    const run = await warm(setting.mirror, ['app:1 referrers=yes'])
    assert.equal(run.results.get(`${APP}:1`)?.status, 'fresh')
    assert.equal(run.report.totals.warmed, 3)
    const { 'GET manifests': pulls = 0 } = counts(setting)
    assert.equal(pulls, 3)
    assert.ok((planned(run) ?? 0) >= pulls)
  },
)

test('without the API the tag in its place is read, and both answer offline', async () => {
  await using setting = await withoutApi()
  const run = await warm(setting.mirror, [LINE])
  const subjects = [app.top, amd64, bom.descriptor]
  const lists = subjects.map((subject) => `warmed ${APP}:${tagOf(subject)}`)
  assert.deepEqual(statuses(run).toSorted(), [`warmed ${APP}:1`, ...OF_LISTS, ...lists].toSorted())
  const first = counts(setting)
  assert.equal(first['GET manifests'], 2 + 3 + 3)
  // Never again once the API is known to be missing, for which two may be on their way.
  assert.ok((first['GET referrers'] ?? 0) <= 2)
  // Of each manifest that is asked about once: the image, its platform, the signature and the SBOM.
  assert.equal(first['HEAD list'], 4)
  const again = await warm(setting.mirror, [LINE])
  assert.equal(again.report.totals.fresh, 7)
  const second = counts(setting)
  assert.deepEqual([second['GET manifests'], second['GET blobs']], [undefined, undefined])
  assert.equal(second['HEAD list'], 4)
  await setting.mirror.restart({ offline: true })
  assert.deepEqual(await referrersOf(setting, app.top), [signature.descriptor])
  const tagged = await setting.mirror.get(`/v2/app/manifests/${tagOf(app.top)}`)
  assert.deepEqual(JSON.parse(tagged.body.toString()).manifests, [signature.descriptor])
  for (const { image } of [signature, bom, bomSignature]) await assertHeld(setting, image)
})

test('the tags of cosign come as tags: signature, attestation and SBOM', async () => {
  await using setting = await withApi({})
  const kinds = ['.sig', '.att', '.sbom']
  const images = kinds.map((kind) => [tagOf(app.top, kind), cosigned(kind)] as const)
  for (const [tag, image] of images) setting.upstream.addImage('library/app', tag, image)
  const platformSignature = cosigned('amd64')
  setting.upstream.addImage('library/app', tagOf(amd64, '.sig'), platformSignature)
  setting.upstream.addImage('library/app', tagOf(arm64, '.sig'), cosigned('arm64'))
  const run = await warm(setting.mirror, [LINE])
  assert.deepEqual(
    statuses(run).toSorted(),
    [
      `warmed ${APP}:1`,
      ...images.map(([tag]) => `warmed ${APP}:${tag}`),
      `warmed ${APP}:${tagOf(amd64, '.sig')}`,
    ].toSorted(),
  )
  const asked = counts(setting)
  assert.deepEqual([asked['HEAD cosign'], asked['GET referrers']], [6, 2])
  assert.equal(asked['GET manifests'], 2 + 4)
  const again = await warm(setting.mirror, [LINE])
  assert.equal(again.report.totals.fresh, 5)
  assert.deepEqual(counts(setting), { 'HEAD manifests': 1, 'HEAD cosign': 6, 'GET referrers': 2 })
  await setting.mirror.restart({ offline: true })
  for (const [tag, image] of images) await assertHeld(setting, image, tag)
  await assertHeld(setting, platformSignature, tagOf(amd64, '.sig'))
  assert.equal((await setting.mirror.get(`/v2/app/manifests/${tagOf(arm64, '.sig')}`)).status, 404)
})

test('of an image with one manifest only that is asked about', IN_PROCESS, async () => {
  const single = buildImage({ seed: 'single', form: 'docker', architectures: ['amd64'] })
  await using setting = await started(single)
  answerReferrers(setting, {})
  setting.upstream.addImage('library/app', tagOf(single.top, '.sig'), cosigned('single'))
  const run = await warm(setting.mirror, [LINE])
  assert.deepEqual(statuses(run), [`warmed ${APP}:1`, `warmed ${APP}:${tagOf(single.top, '.sig')}`])
  const asked = counts(setting)
  assert.deepEqual([asked['HEAD cosign'], asked['GET referrers']], [3, 1])
})

test(
  'only the artifact types that are named are brought, and only their tags are asked for',
  IN_PROCESS,
  async () => {
    await using setting = await withApi()
    setting.upstream.addImage('library/app', tagOf(app.top, '.sig'), cosigned('app'))
    const boms = await warm(setting.mirror, [`app:1 referrers=${SBOM}`])
    assert.deepEqual(statuses(boms), [`warmed ${APP}:1`, `warmed ${APP}@${bom.descriptor.digest}`])
    assert.equal(counts(setting)['HEAD cosign'], undefined)
    const signatures = await warm(setting.mirror, [`app:1 referrers=${SIGNATURE}`])
    assert.deepEqual(statuses(signatures), [
      `fresh ${APP}:1`,
      `warmed ${APP}:${tagOf(app.top, '.sig')}`,
      `warmed ${APP}@${signature.descriptor.digest}`,
    ])
    assert.equal(counts(setting)['HEAD cosign'], 3)
  },
)

test('two lines that mean one digest ask once, and for what both want', IN_PROCESS, async () => {
  await using setting = await withApi()
  setting.upstream.tag('library/app', '2', app.top.digest)
  const run = await warm(setting.mirror, [
    `app:1 referrers=${SBOM}`,
    `app:2 referrers=${SIGNATURE} keep=pin`,
  ])
  assert.equal(run.report.totals.warmed, 5)
  assert.deepEqual(
    run.results.get(`${APP}@${signature.descriptor.digest}`)?.places.map(({ line }) => line),
    [1, 2],
  )
  const asked = counts(setting)
  assert.deepEqual([asked['HEAD cosign'], asked['GET referrers']], [4, 4])
})

test("BuildKit's attestations of the chosen platforms are parts of the image", async () => {
  const attestations = [amd64, arm64].map(({ digest }) => {
    const layer = contentOf(Buffer.from(`provenance of ${digest}`))
    const json = {
      config: described(MEDIA_TYPES.oci.config, layer),
      layers: [described('application/vnd.in-toto+json', layer)],
    }
    const made = artifact(json, { contents: [layer] })
    const annotations = {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': digest,
    }
    const platform = { os: 'unknown', architecture: 'unknown' }
    return { made, entry: { ...made.top, annotations, platform } }
  })
  const [ofAmd64, ofArm64] = attestations
  assert.ok(ofAmd64 && ofArm64)
  const entries = [
    { ...amd64, platform: { os: 'linux', architecture: 'amd64' } },
    { ...arm64, platform: { os: 'linux', architecture: 'arm64' } },
    ...attestations.map(({ entry }) => entry),
  ]
  const index = indexOf(entries)
  const manifests = [app, index, ofAmd64.made, ofArm64.made].flatMap((each) => [...each.manifests])
  const blobs = [app, ofAmd64.made, ofArm64.made].flatMap((each) => [...each.blobs])
  const built: Image = {
    ...index,
    manifests: new Map(manifests),
    blobs: new Map(blobs),
  }
  await using setting = await started(built)
  answerReferrers(setting, {})
  const plain = await warm(setting.mirror, ['app:1'])
  assert.deepEqual(statuses(plain), [`warmed ${APP}:1`])
  const run = await warm(setting.mirror, [LINE])
  assert.deepEqual(statuses(run), [`warmed ${APP}:1`])
  assert.deepEqual(run.report.results[0]?.platforms, ['linux/amd64'])
  assert.deepEqual(
    run.notices.filter((notice) => notice.includes('refers')),
    [],
  )
  // Nobody asks what refers to an attestation.
  const asked = counts(setting)
  assert.deepEqual([asked['HEAD cosign'], asked['GET referrers']], [6, 2])
  await setting.mirror.restart({ offline: true })
  await assertHeld(setting, ofAmd64.made)
  assert.equal(await isHeld(setting, ofArm64.made.top), false)
})

test('an image to which nothing refers is told once, and is no failure', IN_PROCESS, async () => {
  await using setting = await withApi({})
  const run = await warm(setting.mirror, [LINE])
  assert.equal(run.report.outcome, 'done')
  assert.deepEqual(statuses(run), [`warmed ${APP}:1`])
  assert.deepEqual(
    run.notices.filter((notice) => notice.includes('refers')),
    [`${APP}:1: nothing refers to it upstream`],
  )
  await setting.mirror.restart({ offline: true })
  assert.deepEqual(await referrersOf(setting, app.top), [])
})

test('a signature that cannot be fetched fails by itself, and comes with the next run', async () => {
  await using setting = await started()
  const lost = signature.descriptor.digest
  setting.upstream.script({ path: `/manifests/${lost}`, reply: status(404), times: 1 })
  answerReferrers(setting, REFERRING)
  const run = await warm(setting.mirror, [LINE])
  assert.equal(run.report.outcome, 'failures')
  assert.equal(run.results.get(`${APP}:1`)?.status, 'warmed')
  assert.equal(run.results.get(`${APP}@${lost}`)?.status, 'failed')
  assert.match(readFileSync(run.failedList ?? '', 'utf8'), /^app:1 referrers=yes$/m)
  await setting.mirror.restart()
  const again = await warm(setting.mirror, [LINE])
  assert.equal(again.results.get(`${APP}@${lost}`)?.status, 'warmed')
  assert.equal(again.report.outcome, 'done')
})

const REFUSED = [
  ['list', '/referrers/', tagOf(app.top)],
  ['tag', '.att', tagOf(app.top, '.att')],
] as const

for (const [what, path, name] of oneOnBinary(REFUSED)) {
  test(`a ${what} that upstream refuses to tell is a failure with a name, and no empty list`, async () => {
    await using setting = await started()
    setting.upstream.script({ path, reply: status(403) })
    answerReferrers(setting, REFERRING)
    const run = await warm(setting.mirror, [LINE])
    assert.equal(run.report.outcome, 'failures')
    assert.equal(run.results.get(`${APP}:1`)?.status, 'warmed')
    assert.equal(run.results.get(`${APP}:${name}`)?.status, 'failed')
    setting.upstream.clearScript()
    answerReferrers(setting, REFERRING)
    const attestation = tagOf(app.top, '.att')
    setting.upstream.addImage('library/app', attestation, cosigned('app'))
    await setting.mirror.restart()
    // That it was asked for in vain is not remembered as an answer.
    const again = await warm(setting.mirror, [`${LINE} every=1h`])
    assert.equal(again.report.outcome, 'done')
    assert.equal(again.results.get(`${APP}:${attestation}`)?.status, 'warmed')
    assert.equal(again.report.totals.references, 5)
  })
}

test('within every= nobody is asked what refers to the image', OWN_CLOCK, async () => {
  await using setting = await withApi()
  const tag = tagOf(app.top, '.sig')
  setting.upstream.addImage('library/app', tag, cosigned('app'))
  const list = [`${LINE} every=24h`]
  const first = await warm(setting.mirror, list)
  setting.asked()
  putClockForward(23 * 3600_000)
  const again = await warm(setting.mirror, list)
  assert.deepEqual(setting.asked(), [])
  assert.equal(again.report.totals.fresh, first.report.totals.warmed)
  assert.ok(again.results.has(`${APP}:${tag}`))
  putClockForward(2 * 3600_000)
  await warm(setting.mirror, list)
  assert.deepEqual(counts(setting), { 'HEAD manifests': 1, 'HEAD cosign': 12, 'GET referrers': 4 })
})

const COUNTED: Partial<WarmAsk> = { reserve: 0 }

function countPulls({ upstream }: Setting): void {
  const headers = { 'ratelimit-limit': '500;w=21600', 'ratelimit-remaining': '400;w=21600' }
  upstream.script({ path: '/manifests/', reply: { headers } })
}

const PLACES = [
  ['the API', withApi],
  ['tags in its place', withoutApi],
] as const

for (const [what, begin] of oneOnBinary(PLACES)) {
  test(`where pulls are counted no more are sent than were planned, by ${what}`, async () => {
    await using setting = await begin()
    countPulls(setting)
    const run = await warm(setting.mirror, [LINE], COUNTED)
    assert.equal(run.report.outcome, 'done')
    const pulls = counts(setting)['GET manifests'] ?? 0
    assert.equal(run.report.registries[0]?.pulls, pulls)
    assert.ok((planned(run) ?? 0) >= pulls)
  })
}

test('more than anybody could foresee waits for the next run, which can tell', async () => {
  const many = Array.from({ length: 20 }, (_, n) =>
    referrer(app.top, `application/vnd.example.${n}`),
  )
  await using setting = await withApi({ [app.top.digest]: many })
  countPulls(setting)
  const first = await warm(setting.mirror, [LINE], COUNTED)
  assert.equal(first.results.get(`${APP}:1`)?.status, 'warmed')
  assert.equal(first.report.outcome, 'left')
  const { left, warmed } = first.report.totals
  assert.ok(left > 0 && left + warmed === 21)
  assert.ok((counts(setting)['GET manifests'] ?? 0) <= (planned(first) ?? 0))
  const second = await warm(setting.mirror, [LINE], COUNTED)
  assert.equal(second.report.outcome, 'done')
  assert.equal(second.report.totals.warmed, left)
  assert.equal(counts(setting)['GET manifests'], left)
})

test('tags that the mirror blocks are not looked for, which is told once', IN_PROCESS, async () => {
  await using folder = new TempFolder('allow')
  writeFileSync(folder.join('allow.txt'), 'docker.io/**\n!app:sha256-*\n')
  await using setting = await Setting.start({ allow: folder.join('allow.txt') })
  setting.upstream.addImage('library/app', '1', app)
  setting.upstream.addImage('library/app', tagOf(app.top, '.sig'), cosigned('app'))
  answerReferrers(setting, REFERRING)
  const run = await warm(setting.mirror, [LINE])
  assert.deepEqual(statuses(run), [`warmed ${APP}:1`, ...OF_LISTS])
  assert.equal(counts(setting)['HEAD cosign'], undefined)
  assert.equal(run.notices.filter((notice) => notice.includes('blocked')).length, 1)
})

test('a run that is stopped tells nothing of what was not looked for yet', IN_PROCESS, async () => {
  await using setting = await withApi()
  await warm(setting.mirror, ['app:1'])
  const { upstream } = setting
  upstream.clearScript()
  upstream.script({ path: '.sig', reply: { holdHeaders: true } })
  answerReferrers(setting, REFERRING)
  const stop = new AbortController()
  setting.asked()
  const running = warm(setting.mirror, [LINE], {}, { signal: stop.signal })
  await waitUntil(() => upstream.log.find({ path: '.sig' }).length > 0, { what: 'a HEAD' })
  stop.abort()
  const { report } = await running
  assert.equal(report.outcome, 'interrupted')
  assert.deepEqual(
    report.results.map(({ reference }) => reference),
    [`${APP}:1`],
  )
})

const MIB = 2 ** 20
const SMALL: ConfigChanges = {
  space: { maxBytes: 20 * MIB, minFreeBytes: 0, keepUntaggedMs: undefined, scrubMs: undefined },
}

// Clients pull more than there is room for.
async function fill({ mirror, upstream }: Setting, seed: string): Promise<void> {
  for (let n = 0; n < 10; n += 1) {
    const name = `${seed}${n}`
    const layers = { smallLayers: 0, bigLayers: 1, bigLayerMiB: 2 }
    const image = buildImage({ seed: name, form: 'oci', architectures: ['arm64'], ...layers })
    upstream.addImage(`library/${name}`, '1', image)
    await pullWhole(mirror, name, '1', image)
    await stored(mirror, image)
  }
}

test(
  'what refers to an image stays as long as its list keeps it, and goes then',
  OWN_CLOCK,
  async () => {
    await using setting = await Setting.start(SMALL)
    setting.upstream.addImage('library/app', '1', app)
    answerReferrers(setting, { [app.top.digest]: [signature] })
    const [tag, sigImage] = [tagOf(app.top, '.sig'), cosigned('app')]
    setting.upstream.addImage('library/app', tag, sigImage)
    const warmFile = (text: string): Promise<WarmRun> =>
      warm(setting.mirror, [], { sources: [{ name: 'mirror.txt', path: '/etc/mirror.txt', text }] })
    const blobs = [...signature.image.blobs.keys(), ...sigImage.blobs.keys()]
    const held = (): readonly string[] => {
      const published = publishedDigests(setting.mirror.folder)
      return blobs.filter((digest) => published.includes(digest))
    }
    assert.equal((await warmFile(`${LINE}\n`)).report.totals.warmed, 3)
    await fill(setting, 'before')
    assert.deepEqual(held(), blobs)
    await warmFile('before4:1\n')
    putClockForward(8 * 86_400_000)
    await fill(setting, 'after')
    assert.deepEqual(held(), [])
  },
)
