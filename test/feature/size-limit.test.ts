import assert from 'node:assert/strict'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import type { Jobs, VictimRow } from '../../src/care/jobs.ts'
import { openOwner } from '../../src/own-store.ts'
import type { Logger } from '../../src/lib/log.ts'
import type { bytesContent } from '../support/content.ts'
import { heldContent, readAll, seededContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { publishedDigests, publishedFiles, stagedNames } from '../support/store-invariants.ts'
import { storeBytes, StoreSize } from '../support/store-size.ts'
import { configOf, REVALIDATE_ALWAYS, Setting } from '../support/test-mirror.ts'
import type { ConfigChanges } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'
import { pullWhole, stored } from '../support/whole-pull.ts'

const MIB = 2 ** 20
const CAP_BYTES = 32 * MIB
const NO_LIMITS = {
  maxBytes: undefined,
  minFreeBytes: 0,
  keepUntaggedMs: undefined,
  scrubMs: undefined,
}
const LIMITED: ConfigChanges = { space: { ...NO_LIMITS, maxBytes: CAP_BYTES } }
const HOUR_MS = 3_600_000

function imageOf(seed: string, layerMiB = 4): Image {
  const layers = { smallLayers: 0, bigLayers: 2, bigLayerMiB: layerMiB / 2 }
  return buildImage({ seed, form: 'oci', architectures: ['amd64'], ...layers })
}

// Images of one repository each, that upstream has.
function images(setting: Setting, count: number): { name: string; image: Image }[] {
  return Array.from({ length: count }, (_, n) => {
    const name = `library/app${n}`
    const image = imageOf(name)
    setting.upstream.addImage(name, 'latest', image)
    return { name, image }
  })
}

// As if so long ago: nothing that was used just now is evicted while anything else is left.
function age(setting: Setting, image: Image, hours: number): void {
  const database = new Database(`${setting.mirror.folder}/index.db`)
  try {
    const usedAt = Date.now() - hours * HOUR_MS
    const digests = [...image.manifests.keys(), ...image.blobs.keys()]
    for (const table of ['manifest', 'blob']) {
      const sql = `UPDATE ${table} SET used_at = ?, stored_at = ? WHERE digest = ?`
      for (const digest of digests) database.prepare(sql).run(usedAt, usedAt, digest)
    }
  } finally {
    database.close()
  }
}

function holds(setting: Setting, image: Image): boolean {
  const published = publishedDigests(setting.mirror.folder)
  return [...image.blobs.keys()].every((digest) => published.includes(digest))
}

test('many times the limit is pulled through it, every pull whole and the limit held', async () => {
  await using setting = await Setting.start(LIMITED)
  const { mirror } = setting
  const all = images(setting, 12)
  await using size = new StoreSize(mirror.folder)
  for (const { name, image } of all) await pullWhole(mirror, name, 'latest', image)
  await stored(mirror, all.at(-1)?.image as Image)
  assert.ok(size.samples > 20)
  assert.ok(size.mostBytes <= CAP_BYTES, `${size.mostBytes} bytes were on disk`)
  assert.ok(size.mostBytes > CAP_BYTES / 2, 'the room is made use of')
  await mirror.logged(/^removed .*: room was needed/)
})

test('the image not used for longest goes first, and a later pull brings it back', async () => {
  await using setting = await Setting.start(LIMITED)
  const { mirror } = setting
  const all = images(setting, 9)
  const [first, second, third, ...others] = all as [
    (typeof all)[0],
    (typeof all)[0],
    (typeof all)[0],
  ]
  for (const { name, image } of [first, second, third]) {
    await pullWhole(mirror, name, 'latest', image)
    await stored(mirror, image)
  }
  await mirror.stop()
  age(setting, first.image, 20)
  age(setting, second.image, 30)
  age(setting, third.image, 10)
  await mirror.restart()
  // The oldest of them is used again.
  await pullWhole(mirror, second.name, 'latest', second.image)
  for (const { name, image } of others) {
    await pullWhole(mirror, name, 'latest', image)
    await stored(mirror, image)
    if (!holds(setting, first.image)) break
  }
  assert.ok(!holds(setting, first.image))
  assert.ok(holds(setting, second.image))
  setting.upstream.log.clear()
  await pullWhole(mirror, second.name, 'latest', second.image)
  assert.deepEqual(setting.asked({ method: 'GET' }), [])
  await pullWhole(mirror, first.name, 'latest', first.image)
  assert.ok(setting.asked({ method: 'GET' }).length > 0)
})

test('who reads a blob keeps it, whatever else goes', async () => {
  await using setting = await Setting.start(LIMITED)
  const { mirror, upstream } = setting
  // More than sockets hold, so that the response goes on until it is read.
  const read = { name: 'library/read', image: imageOf('read', 24) }
  const others = images(setting, 5)
  upstream.addImage(read.name, 'latest', read.image)
  await pullWhole(mirror, read.name, 'latest', read.image)
  await stored(mirror, read.image)
  const [digest, content] = [...read.image.blobs].find(([, { size }]) => size > 1.5 * MIB) as [
    string,
    ReturnType<typeof bytesContent>,
  ]
  await using reader = await mirror.open(`/v2/${read.name}/blobs/${digest}`)
  const begun = await reader.read()
  for (const { name, image } of others) await pullWhole(mirror, name, 'latest', image)
  assert.ok(!holds(setting, read.image))
  assert.ok(publishedDigests(mirror.folder).includes(digest))
  const offset = begun?.length ?? 0
  const rest = await reader.take({ expect: { bytes: readAll(content), offset } })
  assert.equal(rest.ending, 'complete')
})

test('a blob larger than the limit is passed through, and nothing goes for it', async () => {
  await using setting = await Setting.start(LIMITED)
  const { mirror, upstream } = setting
  const [small] = images(setting, 1) as [{ name: string; image: Image }]
  await pullWhole(mirror, small.name, 'latest', small.image)
  await stored(mirror, small.image)
  const huge = imageOf('huge', 80)
  upstream.addImage('library/huge', 'latest', huge)
  await pullWhole(mirror, 'library/huge', 'latest', huge)
  assert.ok(holds(setting, small.image))
  const isQuiet = () => stagedNames(mirror.folder).length === 0
  await waitUntil(isQuiet, { what: 'nothing to be left of it' })
})

test('what is pinned stays, and the rest makes room', async () => {
  await using setting = await Setting.start(LIMITED)
  const { mirror } = setting
  const [pinned, ...others] = images(setting, 10) as [{ name: string; image: Image }]
  await pullWhole(mirror, pinned.name, 'latest', pinned.image)
  await stored(mirror, pinned.image)
  await mirror.stop()
  pin(setting, pinned.name)
  age(setting, pinned.image, 1000)
  await mirror.restart()
  for (const { name, image } of others) await pullWhole(mirror, name, 'latest', image)
  await mirror.logged(/^removed .*: room was needed/)
  assert.ok(holds(setting, pinned.image))
})

test('a store that is too large already is brought under its limit after the start', async () => {
  await using setting = await Setting.start({ space: NO_LIMITS })
  const { mirror } = setting
  const all = images(setting, 9)
  for (const { name, image } of all) {
    await pullWhole(mirror, name, 'latest', image)
    await stored(mirror, image)
  }
  await mirror.stop()
  for (const { image } of all) age(setting, image, 2)
  assert.ok(storeBytes(mirror.folder) > CAP_BYTES)
  await mirror.restart(LIMITED)
  await mirror.logged(/^removed .*: more was stored than --max-size allows/)
  await waitUntil(() => storeBytes(mirror.folder) <= CAP_BYTES, { what: 'the store to shrink' })
})

// As the commands do it where no server runs.
async function asCommand<Answer>(
  setting: Setting,
  changes: ConfigChanges,
  run: (jobs: Jobs) => Promise<Answer>,
): Promise<Answer> {
  const quiet = () => undefined
  const log: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
  const owner = await openOwner(configOf(setting.mirror.folder, changes), log, 'gc')
  try {
    return await run(owner.jobs)
  } finally {
    await owner.close()
  }
}

function gc(setting: Setting, changes: ConfigChanges, isPlan: boolean) {
  return asCommand(setting, changes, async (jobs) => {
    const names: string[] = []
    const rows = async (batch: readonly VictimRow[]) =>
      void names.push(...batch.map(({ name }) => name))
    const { signal } = new AbortController()
    const answer = await jobs.gc({ isPlan }, { signal, rows, progress: () => undefined })
    return { answer, names }
  })
}

test('a command that only looks removes nothing, whatever limit it was given', async () => {
  await using setting = await Setting.start({ space: NO_LIMITS })
  const { mirror } = setting
  const all = images(setting, 3)
  for (const { name, image } of all) {
    await pullWhole(mirror, name, 'latest', image)
    await stored(mirror, image)
  }
  await mirror.stop()
  for (const { image } of all) age(setting, image, 2)
  const before = publishedFiles(mirror.folder)
  const small: ConfigChanges = { space: { ...NO_LIMITS, maxBytes: 10 * MIB } }
  const plan = await gc(setting, small, true)
  assert.ok(plan.names.length > 0)
  const talk = { signal: new AbortController().signal, progress: () => undefined }
  await asCommand(setting, small, async (jobs) => {
    await jobs.ls({ prefix: undefined }, { ...talk, rows: () => Promise.resolve() })
    await jobs.stats({ days: 1 }, { ...talk, rows: () => Promise.resolve() })
    // What a start would begin with would be under way by now.
    await jobs.gc({ isPlan: true }, { ...talk, rows: () => Promise.resolve() })
  })
  assert.deepEqual(publishedFiles(mirror.folder), before)
  const done = await gc(setting, small, false)
  assert.equal(done.answer.images, plan.answer.images)
  assert.ok(publishedFiles(mirror.folder).length < before.length)
})

test('what a tag pointed to before goes with --keep-untagged, once what it points to is whole', async () => {
  await using setting = await Setting.start({ space: NO_LIMITS, ...REVALIDATE_ALWAYS })
  const { mirror, upstream } = setting
  const [first, second] = [imageOf('first'), imageOf('second')]
  upstream.addImage('library/app', 'latest', first)
  await pullWhole(mirror, 'library/app', 'latest', first)
  await stored(mirror, first)
  upstream.addImage('library/app', 'latest', second)
  assert.equal((await mirror.get('/v2/library/app/manifests/latest')).status, 200)
  await mirror.stop()
  const keeping: ConfigChanges = { space: { ...NO_LIMITS, keepUntaggedMs: 0 } }
  assert.deepEqual((await gc(setting, keeping, true)).names, [])
  assert.equal((await gc(setting, keeping, false)).answer.images, 0)
  await mirror.restart()
  await pullWhole(mirror, 'library/app', 'latest', second)
  await stored(mirror, second)
  await mirror.stop()
  assert.deepEqual((await gc(setting, keeping, true)).names, [
    `docker.io/library/app@${first.top.digest}`,
  ])
  assert.equal((await gc(setting, keeping, false)).answer.images, 1)
  assert.ok(!holds(setting, first))
  assert.ok(holds(setting, second))
})

test('what a stopped download left goes before any image', async () => {
  await using setting = await Setting.start(LIMITED)
  const { mirror, upstream } = setting
  const [kept, ...others] = images(setting, 6) as [{ name: string; image: Image }]
  const [left, part] = [imageOf('left', 24), 11 * MIB]
  upstream.addImage('library/left', 'latest', left)
  const [digest] = [...left.blobs].find(([, { size }]) => size > 1.5 * MIB) as [string, unknown]
  upstream.script({ path: digest, method: 'GET', reply: { stall: { after: part } } })
  await mirror.get('/v2/library/left/manifests/latest')
  {
    await using reader = await mirror.open(`/v2/library/left/blobs/${digest}`)
    while (reader.received < part - MIB) await reader.read()
  }
  await mirror.stop()
  await mirror.restart()
  assert.equal(stagedNames(mirror.folder).length, 2)
  await pullWhole(mirror, kept.name, 'latest', kept.image)
  await stored(mirror, kept.image)
  for (const { name, image } of others.slice(0, 4)) {
    await pullWhole(mirror, name, 'latest', image)
    await stored(mirror, image)
  }
  await mirror.logged(/^removed .*1 unfinished download/)
  assert.deepEqual(stagedNames(mirror.folder), [])
  assert.ok(holds(setting, kept.image))
})

test('blobs that no image needs make room for each other', async () => {
  await using setting = await Setting.start(LIMITED)
  const { mirror, upstream } = setting
  const contents = Array.from({ length: 6 }, (_, n) =>
    heldContent(seededContent(`loose ${n}`, 7 * MIB)),
  )
  for (const content of contents) {
    upstream.addBlob('library/loose', content)
    // Whoever names its size first lets it be stored.
    await mirror.head(`/v2/library/loose/blobs/${content.digest}`)
    const { body } = await mirror.get(`/v2/library/loose/blobs/${content.digest}`)
    assert.ok(body.equals(content.bytes))
  }
  assert.ok(storeBytes(mirror.folder) <= CAP_BYTES)
})

function pin(setting: Setting, name: string): void {
  const database = new Database(`${setting.mirror.folder}/index.db`)
  try {
    database
      .prepare(
        `INSERT INTO pin (repository, reference, pinned_by, pinned_at)
      SELECT id, 'latest', 'list.txt', 1 FROM repository WHERE name = ?`,
      )
      .run(name)
  } finally {
    database.close()
  }
}
