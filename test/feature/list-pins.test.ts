// What a list brought stays while it means it, and a time after that; as much of it as lists may keep.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { WarmAsk } from '../../src/care/warm-job.ts'
import { warmExitCode } from '../../src/cli/warm-exit.ts'
import { askOwner, findOwner } from '../../src/owner/client.ts'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { status } from '../support/scripted-reply.ts'
import { publishedDigests } from '../support/store-invariants.ts'
import { TempFolder } from '../support/temp-folder.ts'
import { Setting } from '../support/test-mirror.ts'
import type { ConfigChanges } from '../support/test-mirror.ts'
import { statuses, warm } from '../support/warm-run.ts'
import type { WarmRun } from '../support/warm-run.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const MIB = 2 ** 20
const DAY_MS = 86_400_000
// What was used this long ago goes before what waits for room gives up.
const UNUSED_MS = 11 * 60_000
const IMAGE_MIB = 4
const CAP_BYTES = 40 * MIB
// 80 % are 32 MiB, and images have a config too.
const KEPT_MAX = 7
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i']
// Of no file, which keeps nothing.
const AS_TYPED = { platforms: ['linux/arm64'] }
// Which four or five images fill: the index takes more at one time than at another.
const SMALL_BYTES = 24 * MIB

const lists = new TempFolder('lists')
const LIST = lists.join('mirror.txt')
const OFFICE = lists.join('office.txt')

const images = new Map(NAMES.map((name) => [name, imageOf(name)]))

function imageOf(seed: string): Image {
  const layers = { smallLayers: 0, bigLayers: 1, bigLayerMiB: IMAGE_MIB }
  return buildImage({ seed, form: 'oci', architectures: ['arm64'], ...layers })
}

function limitedTo(maxBytes: number): ConfigChanges {
  return { space: { maxBytes, minFreeBytes: 0, keepUntaggedMs: undefined, scrubMs: undefined } }
}

async function started(changes: ConfigChanges = limitedTo(CAP_BYTES)): Promise<Setting> {
  const setting = await Setting.start(changes)
  for (const [name, image] of images) setting.upstream.addImage(`library/${name}`, '1', image)
  return setting
}

// A run of a list that is a file.
function warmFile(
  { mirror }: Setting,
  lines: readonly string[],
  changes: Partial<WarmAsk> = {},
  file = LIST,
): Promise<WarmRun> {
  // What gc does not find keeps nothing for long.
  writeFileSync(file, `${lines.join('\n')}\n`)
  const source = { name: path.basename(file), path: file, text: `${lines.join('\n')}\n` }
  return warm(mirror, [], { sources: [source], ...AS_TYPED, ...changes })
}

// As clients who ask for one image after the other, until nothing more fits beside what is pinned.
async function fillWith(
  { mirror, upstream }: Setting,
  count: number,
  seed = 'filling',
): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const name = `${seed}${n}`
    const image = imageOf(name)
    upstream.addImage(`library/${name}`, '1', image)
    await pullWhole(mirror, name, '1', image)
    await stored(mirror, image)
    putClockForward(UNUSED_MS)
  }
}

function held({ mirror }: Setting, names: readonly string[] = NAMES): string[] {
  const published = publishedDigests(mirror.folder)
  return names.filter((name) =>
    [...(images.get(name)?.blobs.keys() ?? [])].every((digest) => published.includes(digest)),
  )
}

// `a:1`, or `a:1 left` where its list means it no longer; by the list.
function pins({ mirror }: Setting, by = `list ${LIST}`): string[] {
  const database = new Database(path.join(mirror.folder, 'index.db'), { readonly: true })
  const sql = `
    SELECT name || ':' || reference || CASE WHEN left_at IS NULL THEN '' ELSE ' left' END
    FROM pin JOIN repository ON repository.id = pin.repository WHERE pinned_by = ? ORDER BY 1`
  const found = database.prepare(sql).pluck().all(by) as string[]
  database.close()
  return found.map((each) => each.replace(/^library\//, ''))
}

test('a full store gives up what no list keeps, across restarts', async () => {
  await using setting = await started(limitedTo(SMALL_BYTES))
  assert.equal((await warmFile(setting, ['a:1', 'b:1'])).report.outcome, 'done')
  await warm(setting.mirror, ['c:1'], AS_TYPED)
  assert.deepEqual(pins(setting), ['a:1', 'b:1'])
  await setting.mirror.restart()
  await fillWith(setting, 3)
  assert.deepEqual(held(setting), ['a', 'b'], 'the command line keeps nothing')
  assert.equal((await warmFile(setting, ['a:1', 'b:1'])).report.totals.fresh, 2)
})

test('what left its list makes room after its time, and not before', OWN_CLOCK, async () => {
  await using setting = await started(limitedTo(SMALL_BYTES))
  await warmFile(setting, ['a:1', 'b:1 keep=3d', 'c:1 keep=pin'])
  await warmFile(setting, ['# nothing any more'])
  assert.deepEqual(pins(setting), ['a:1 left', 'b:1 left', 'c:1 left'])
  await fillWith(setting, 3, 'before')
  assert.deepEqual(held(setting), ['a', 'b', 'c'])
  putClockForward(3 * DAY_MS)
  await fillWith(setting, 2, 'later')
  assert.deepEqual(held(setting), ['a', 'c'])
  putClockForward(4 * DAY_MS)
  await fillWith(setting, 2, 'last')
  assert.deepEqual(held(setting), ['c'])
  assert.deepEqual(pins(setting), ['c:1 left'])
})

test('what an edited filter no longer selects has left, and what it selects again has not', async () => {
  await using setting = await started()
  const { upstream } = setting
  for (const tag of ['2', '3']) upstream.addImage('library/a', tag, imageOf(`a ${tag}`))
  await warmFile(setting, ['a:*'])
  assert.deepEqual(pins(setting), ['a:1', 'a:2', 'a:3'])
  await warmFile(setting, ['a:* newest=1'])
  assert.deepEqual(pins(setting), ['a:1 left', 'a:2 left', 'a:3'])
  await warmFile(setting, ['a:* not=3'])
  assert.deepEqual(pins(setting), ['a:1', 'a:2', 'a:3 left'])
  await warmFile(setting, ['# nothing any more'])
  assert.deepEqual(pins(setting), ['a:1 left', 'a:2 left', 'a:3 left'])
})

test('each list keeps its own, and only a plan keeps nothing', async () => {
  await using setting = await started()
  await warmFile(setting, ['a:1', 'b:1'])
  await warmFile(setting, ['b:1', `c@${images.get('c')?.top.digest}`], {}, OFFICE)
  await warmFile(setting, ['a:1'], { mode: 'plan' })
  assert.deepEqual(pins(setting), ['a:1', 'b:1'])
  await warmFile(setting, ['a:1'])
  assert.deepEqual(pins(setting), ['a:1', 'b:1 left'])
  const byDigest = `c:${images.get('c')?.top.digest}`
  assert.deepEqual(pins(setting, `list ${OFFICE}`), ['b:1', byDigest])
})

test('what upstream did not tell releases nothing, be it an image, a list of tags, or all', async () => {
  await using setting = await started()
  const { upstream } = setting
  await warmFile(setting, ['a:*', 'b:1', 'c:1'])
  upstream.script(
    { path: /\/a\/tags\/list/, reply: status(400) },
    { path: /\/b\/manifests\//, reply: status(400) },
  )
  assert.equal((await warmFile(setting, ['a:*', 'b:1'])).report.outcome, 'nothing')
  assert.deepEqual(pins(setting), ['a:1', 'b:1', 'c:1 left'])
  const cutShort = await warmFile(setting, ['d:1'], { untilAt: 1 })
  assert.equal(cutShort.report.outcome, 'left')
  assert.deepEqual(pins(setting), ['a:1', 'b:1', 'c:1 left'])
})

test('what is not served for one night stays kept, and leaves once it is not meant', async () => {
  await using setting = await started()
  await warmFile(setting, ['a:1', 'b:1', 'c:1'])
  const allow = lists.join('allows.txt')
  writeFileSync(allow, 'b\n')
  await setting.mirror.restart({ allow })
  const refused = await warmFile(setting, ['a:1', 'b:1'])
  assert.deepEqual(
    [...refused.results.values()].map(({ cause }) => cause),
    ['not-served', undefined],
  )
  assert.deepEqual(pins(setting), ['a:1', 'b:1', 'c:1 left'])
  // Nobody knows which images an unknown registry stood for.
  for (const unknown of ['nowhere.test/app:1', 'nowhere.test/**']) {
    await warmFile(setting, ['b:1', unknown])
    assert.deepEqual(pins(setting), ['a:1', 'b:1', 'c:1 left'])
  }
  await warmFile(setting, ['b:1'])
  assert.deepEqual(pins(setting), ['a:1 left', 'b:1', 'c:1 left'])
})

test('who removes an image by hand need not mind the list', async () => {
  await using setting = await started()
  await warmFile(setting, ['a:1', 'b:1 keep=pin'])
  const { mirror } = setting
  const owner = await findOwner(mirror.folder)
  assert.ok(owner)
  const talk = { signal: AbortSignal.timeout(20_000), progress: () => {} }
  const rows: { readonly tag?: string | undefined; readonly pinnedBy: readonly string[] }[] = []
  const add = async (batch: readonly (typeof rows)[number][]) => void rows.push(...batch)
  await askOwner(owner, 'ls', { prefix: undefined }, { ...talk, rows: add })
  assert.deepEqual(
    rows.map(({ pinnedBy }) => pinnedBy),
    [[`list ${LIST}`], [`list ${LIST}`]],
  )
  const none = async () => {}
  await askOwner(owner, 'rm', { references: ['b:1'] }, { ...talk, rows: none })
  assert.deepEqual(pins(setting), ['a:1'])
  assert.deepEqual(held(setting), ['a'])
})

test('what is more than lists may keep is left with its line, the rest comes, and scripts see it', async () => {
  await using setting = await started()
  const { upstream } = setting
  const lines = [...NAMES.slice(1).map((name) => `${name}:1`), 'a:1 priority=high']
  const run = await warmFile(setting, lines)
  const kept = [...NAMES.slice(1, KEPT_MAX), 'a']
  assert.deepEqual(held(setting).toSorted(), kept.toSorted(), 'by priority, then as listed')
  assert.equal(run.report.outcome, 'over-budget')
  assert.equal(warmExitCode(run.report.outcome), 6)
  const left = run.report.results.filter((result) => result.cause === 'budget')
  assert.deepEqual(
    left.map(({ status, reference, places }) => [status, reference, places[0]?.line]),
    [
      ['left', 'docker.io/library/h:1', 7],
      ['left', 'docker.io/library/i:1', 8],
    ],
  )
  assert.match(
    String(left[0]?.because),
    /^lists may keep 32 MiB \(80 % of --max-size 40MiB\), and its 4 MiB are more$/,
  )
  assert.deepEqual(pins(setting), kept.map((name) => `${name}:1`).toSorted())
  assert.deepEqual(
    upstream.log.find({ method: 'GET', path: /\/(h|i)\/blobs\// }),
    [],
    'nothing of what is left is fetched',
  )
  // Kept already: the next run of the same list leaves the same.
  const again = await warmFile(setting, lines)
  assert.equal(again.report.outcome, 'over-budget')
  assert.equal(again.report.totals.fresh, KEPT_MAX)
})

test('content that images share counts once, and so does what another list keeps', async () => {
  await using setting = await started()
  const { upstream } = setting
  const [shared] = images.values()
  assert.ok(shared)
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8, 9]) upstream.addImage(`library/same${n}`, '1', shared)
  const same = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => `same${n}:1`)
  assert.equal((await warmFile(setting, same)).report.outcome, 'done')
  const other = ['a:1', ...NAMES.slice(1, KEPT_MAX).map((name) => `${name}:1`)]
  assert.equal((await warmFile(setting, other, {}, lists.join('other.txt'))).report.outcome, 'done')
  const third = await warmFile(setting, ['a:1', 'h:1'], {}, lists.join('third.txt'))
  assert.deepEqual(statuses(third), ['fresh docker.io/library/a:1', 'left docker.io/library/h:1'])
  // Nobody asked to keep it.
  assert.equal((await warm(setting.mirror, ['h:1'], AS_TYPED)).report.outcome, 'done')
})

test('what is there already is not kept where that would be too much, and says so', async () => {
  await using setting = await started()
  const lines = NAMES.slice(0, KEPT_MAX + 1).map((name) => `${name}:1`)
  await warm(setting.mirror, lines, AS_TYPED)
  assert.equal(held(setting).length, KEPT_MAX + 1)
  const run = await warmFile(setting, lines)
  assert.equal(run.report.outcome, 'over-budget')
  assert.equal(run.report.totals.fresh, KEPT_MAX + 1)
  const last = run.results.get('docker.io/library/h:1')
  assert.equal(last?.cause, 'budget')
  assert.deepEqual(last?.warnings, ['it may make room for others, as lists may keep no more'])
  assert.equal(pins(setting).length, KEPT_MAX)
})

test('a plan warns of what it knows to be too much, and tells how much that is', async () => {
  await using setting = await started()
  const { mirror } = setting
  const lines = NAMES.map((name) => `${name}:1`)
  const unknown = await warmFile(setting, lines, { mode: 'plan' })
  assert.deepEqual(unknown.notices, [])
  for (const name of NAMES) await mirror.get(`/v2/${name}/manifests/1`)
  const { rows, notices, report } = await warmFile(setting, lines, { mode: 'plan' })
  assert.deepEqual(notices, [
    'the lists want to keep 36 MiB and may keep 32 MiB (80 % of --max-size 40MiB): raise it, or shorten the lists',
  ])
  assert.equal(report.outcome, 'done')
  const price = rows.find((row) => row.kind === 'price')?.price
  assert.equal(price?.pinnableBytes, Math.floor(CAP_BYTES * 0.8))
  assert.ok(Number(price?.pinnedBytes) > NAMES.length * IMAGE_MIB * MIB)
  assert.deepEqual((await warm(mirror, lines, { ...AS_TYPED, mode: 'plan' })).notices, [])
  const explained = await warmFile(setting, lines, { mode: 'explain' })
  assert.deepEqual(explained.notices, [])
  const row = explained.rows.find(({ kind }) => kind === 'price')
  assert.equal(
    row?.kind === 'price' && row.price.pinnedBytes,
    undefined,
    'it looks for no signatures',
  )
})

test('a list of more than half of what lists may keep is updated: what goes counts no more', async () => {
  await using setting = await started()
  const { mirror, upstream } = setting
  const layers = { smallLayers: 0, bigLayers: 1, bigLayerMiB: 17 }
  const big = (seed: string): Image =>
    buildImage({ seed, form: 'oci', architectures: ['arm64'], ...layers })
  upstream.addImage('library/big', '1', big('big'))
  assert.equal((await warmFile(setting, ['big:1'])).report.outcome, 'done')
  const newer = big('newer')
  upstream.addImage('library/big', '1', newer)
  putClockForward(UNUSED_MS)
  await mirror.get('/v2/big/manifests/1')
  assert.deepEqual((await warmFile(setting, ['big:1'], { mode: 'plan' })).notices, [])
  const run = await warmFile(setting, ['big:1'])
  assert.equal(run.report.outcome, 'done')
  assert.equal(run.results.get('docker.io/library/big:1')?.digest, newer.top.digest)
  // Two of these are too much again.
  upstream.addImage('library/other', '1', big('other'))
  const tooMuch = await warmFile(setting, ['big:1', 'other:1'])
  assert.equal(tooMuch.results.get('docker.io/library/other:1')?.cause, 'budget')
})

test('what has left its list gives way to what lists mean, as much of it as is needed', async () => {
  await using setting = await started()
  const full = NAMES.slice(0, KEPT_MAX).map((name) => `${name}:1`)
  assert.equal((await warmFile(setting, full)).report.outcome, 'done')
  const plan = await warmFile(setting, ['h:1', 'i:1'], { mode: 'plan' })
  assert.deepEqual(plan.notices, [])
  assert.deepEqual(pins(setting), full, 'a plan lets nothing go')
  assert.equal((await warmFile(setting, ['h:1', 'i:1'])).report.outcome, 'done')
  const kept = pins(setting)
  assert.deepEqual(
    kept.filter((each) => !each.endsWith(' left')),
    ['h:1', 'i:1'],
  )
  assert.equal(kept.length, KEPT_MAX, 'the rest stays for its time')
})

test('what is there by chance is kept by its priority too', async () => {
  await using setting = await started()
  const low = NAMES.slice(0, KEPT_MAX).map((name) => `${name}:1`)
  await warm(setting.mirror, low, AS_TYPED)
  const run = await warmFile(setting, [...low, 'i:1 priority=high'])
  assert.equal(run.results.get('docker.io/library/i:1')?.status, 'warmed')
  assert.deepEqual(pins(setting), [...low.slice(0, KEPT_MAX - 1), 'i:1'])
})

test('what a newer version replaces stays until that is there: the next run may end it', async () => {
  await using setting = await started()
  const layers = { smallLayers: 0, bigLayers: 1, bigLayerMiB: 17 }
  for (const tag of ['1', '2']) {
    const image = buildImage({
      seed: `big ${tag}`,
      form: 'oci',
      architectures: ['arm64'],
      ...layers,
    })
    setting.upstream.addImage('library/big', tag, image)
  }
  assert.equal((await warmFile(setting, ['big:1'])).report.outcome, 'done')
  assert.equal((await warmFile(setting, ['big:2'])).report.outcome, 'done')
  assert.deepEqual(pins(setting), ['big:1 left', 'big:2'])
  assert.equal((await warmFile(setting, ['big:2'])).report.outcome, 'done')
  assert.deepEqual(pins(setting), ['big:2'])
})

test('a list that was deleted has left what it kept once gc looks, and not because of other lists', async () => {
  await using setting = await started()
  const { mirror } = setting
  await warmFile(setting, ['a:1'])
  await warmFile(setting, ['b:1'], {}, OFFICE)
  rmSync(LIST)
  await warmFile(setting, ['b:1'], {}, OFFICE)
  const owner = await findOwner(mirror.folder)
  assert.ok(owner)
  const talk = { signal: AbortSignal.timeout(20_000), progress: () => {}, rows: async () => {} }
  await askOwner(owner, 'gc', { isPlan: true }, talk)
  assert.deepEqual(pins(setting), ['a:1'], 'a plan lets nothing go')
  await askOwner(owner, 'gc', { isPlan: false }, talk)
  assert.deepEqual(pins(setting), ['a:1 left'])
  assert.deepEqual(pins(setting, `list ${OFFICE}`), ['b:1'])
  await mirror.logged(/mirror\.txt is gone: what it kept may go from \d{4}-\d\d-\d\d on$/)
  await warmFile(setting, ['a:1'])
  assert.deepEqual(pins(setting), ['a:1'], 'one that is there again has not left')
})
