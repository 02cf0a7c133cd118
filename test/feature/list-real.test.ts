// What real lists, and large ones, cost: requests are counted, time and memory are told.
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { buildImage } from '../support/images.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign } from '../support/seed.ts'
import { Setting, TestMirror } from '../support/test-mirror.ts'
import { warm } from '../support/warm-run.ts'
import type { WarmRun } from '../support/warm-run.ts'

const FILE = new URL('../../../shared/data/mirror.txt', import.meta.url)
const skip = existsSync(FILE) ? false : 'the real list is not here'

const small = buildImage({ seed: 'real', form: 'oci', architectures: ['arm64'], smallLayers: 1 })
const ARM = { platforms: ['linux/arm64'] }
const HUNDRED = Array.from({ length: 100 }, (_, n) => `1.${n}.0`)
// One line of the list has a pattern of its own.
const OWN_PATTERN = ':24.04.*'
const TAGS = ['latest', '24.04.1', ...HUNDRED, ...HUNDRED.slice(1).map((tag) => `${tag}-alpine`)]

async function measured(
  t: TestContext,
  what: string,
  run: () => Promise<WarmRun>,
): Promise<WarmRun> {
  const before = process.memoryUsage().rss
  const startedAt = performance.now()
  const ended = await run()
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const mebibytes = Math.round((process.memoryUsage().rss - before) / 2 ** 20)
  t.diagnostic(`${what}: ${seconds} s, ${mebibytes} MiB more`)
  return ended
}

test(
  'a real list of 553 lines is planned with what its lines need and nothing else',
  { skip },
  async (t) => {
    const lines = readFileSync(FILE, 'utf8').trim().split('\n')
    await using upstream = await ScriptedUpstream.start()
    const hosts = new Set(lines.map((line) => line.split('/', 1)[0] ?? ''))
    for (const line of lines) {
      const name = line.slice(line.indexOf('/') + 1).replace(OWN_PATTERN, '')
      const path = line.startsWith('docker.io/') && !name.includes('/') ? `library/${name}` : name
      for (const tag of TAGS) upstream.addImage(path, tag, small)
    }
    const registries = Object.fromEntries([...hosts].map((host) => [host, upstream.url]))
    await using mirror = await TestMirror.start({ registries })
    const asked = (what: RegExp) =>
      upstream.log.all.filter(({ method, url }) => what.test(`${method} ${url}`)).length

    const plan = { ...ARM, mode: 'plan' } as const
    const bare = await measured(t, 'as it is', () => warm(mirror, lines, plan))
    assert.equal(bare.report.totals.references, lines.length)
    assert.deepEqual(
      bare.report.results.filter(({ status }) => status === 'failed'),
      [],
    )
    assert.deepEqual(
      [asked(/^HEAD/), asked(/tags\/list/), asked(/^GET .*manifests/)],
      [lines.length, 1, 0],
    )

    upstream.log.clear()
    const patterns = lines.map((line) => `${line.replace(OWN_PATTERN, '')}:1.* newest=3`)
    const newest = await measured(t, 'each with a pattern', () => warm(mirror, patterns, plan))
    assert.equal(newest.report.totals.references, 3 * lines.length)
    assert.deepEqual(
      [asked(/^HEAD/), asked(/tags\/list/), asked(/^GET .*manifests/)],
      [3 * lines.length, lines.length, 0],
    )
    assert.ok(newest.report.results.every(({ reference }) => /:1\.9[789]\.0$/.test(reference)))
  },
)

test('what was looked up lately is planned without a request, however many lines mean it', async (t) => {
  const count = campaign(200)
  const repositories = Math.ceil(count / 20)
  await using setting = await Setting.start()
  const list = Array.from({ length: count }, (_, n) => {
    const [name, tag] = [`app-${n % repositories}`, `1.${n}`]
    setting.upstream.addImage(`org/${name}`, tag, small)
    return `ghcr.io/org/${name}:${tag} every=1d`
  })
  const first = await measured(t, `${count} lines warmed`, () => warm(setting.mirror, list, ARM))
  assert.equal(first.report.totals.warmed, count)
  setting.asked()
  const again = await measured(t, `${count} lines, nothing to fetch`, () =>
    warm(setting.mirror, list, ARM),
  )
  assert.equal(again.report.totals.fresh, count)
  assert.deepEqual(setting.asked(), [])
})
