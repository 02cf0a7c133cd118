// How a run ends when it is not simply done: each exit code, the sentence that goes with it, and what
// the next run finds.
import assert from 'node:assert/strict'
import { statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { unavailable } from '../support/client-tools.ts'
import { buildImage } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { CLOSED_ORIGIN } from '../support/net-ports.ts'
import type { Program } from '../support/process.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { Skopeo } from '../support/skopeo.ts'
import { mountDisk } from '../support/small-disk.ts'
import { waitUntil } from '../support/wait-until.ts'
import { statuses, WarmCommand } from '../support/warm-command.ts'
import type { WarmCommandOptions } from '../support/warm-command.ts'

const MIB = 2 ** 20
const SMALL = 'docker.io/library/small:1'
const BIG = 'docker.io/library/big:1'
// While it is fresh, which is for a day, nobody asks upstream for it.
const EXACT = 'docker.io/library/big:1.0.0'
const SMALL_MIB = 2
const BIG_MIB = 6
const STALL = { after: 3 * MIB }
const KEPT_MIN_BYTES = 2 * MIB
const MINUTE_MS = 60_000
// What a run needs to begin, that has to come before its end.
const LEAST_MS = 10_000
const DISK_MIB = 64
const NEEDS_SKOPEO = { skip: Skopeo.unavailable() ?? false }
const NEEDS_MOUNT = { skip: unavailable('mount', 'umount') ?? false }

function imageOf(name: string, layerMiB: number): Image {
  return buildImage({
    seed: name,
    form: 'oci',
    architectures: ['amd64'],
    bigLayers: 1,
    bigLayerMiB: layerMiB,
  })
}

function largestOf(image: Image): string {
  const [largest] = [...image.blobs.values()].toSorted((one, two) => two.size - one.size)
  assert.ok(largest)
  return largest.digest
}

const small = imageOf('small', SMALL_MIB)
const big = imageOf('big', BIG_MIB)

class Setting implements AsyncDisposable {
  readonly upstream: ScriptedUpstream
  readonly warm: WarmCommand

  private constructor(upstream: ScriptedUpstream, options: Partial<WarmCommandOptions>) {
    this.upstream = upstream
    const registries = { 'docker.io': upstream.url }
    this.warm = new WarmCommand({ list: `${BIG}\n${SMALL}\n`, registries, ...options })
  }

  static async start(options: Partial<WarmCommandOptions> = {}): Promise<Setting> {
    const upstream = await ScriptedUpstream.start()
    upstream.addImage('library/small', '1', small)
    upstream.addImage('library/big', '1', big)
    return new Setting(upstream, options)
  }

  // The layer of `image` does not come to its end.
  stall(image: Image): void {
    this.upstream.script({ method: 'GET', path: largestOf(image), reply: { stall: STALL } })
  }

  // The mirror has most of what comes of it.
  async stalled(image: Image, program: Program): Promise<void> {
    const staged = path.join(this.warm.dataFolder, 'staging', largestOf(image).replace(':', '-'))
    const isThere = (): boolean =>
      program.exit !== undefined ||
      (statSync(staged, { throwIfNoEntry: false })?.size ?? 0) >= KEPT_MIN_BYTES
    await waitUntil(isThere, { what: 'the part of the layer that comes' })
    assert.equal(program.exit, undefined, program.report())
  }

  goOn(): void {
    this.upstream.clearScript()
    this.upstream.release()
    this.upstream.log.clear()
  }

  // Without HEAD requests and lists.
  fetched(): string[] {
    const { log } = this.upstream
    return log.find({ method: 'GET', path: /\/(?:manifests|blobs)\// }).map(({ url }) => url)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.warm.close()
    await this.upstream.close()
  }
}

describe('how a run ends', { concurrency: 4, timeout: 200_000 }, () => {
  test('at --until in good order, and what is left comes first the next time', async () => {
    await using setting = await Setting.start()
    const { warm, upstream } = setting
    setting.stall(big)
    const end = await warm.run('--until', nextMinute(), '--jobs', '1')
    assert.equal(end.code, 4, end.said)
    assert.deepEqual(statuses(end.report), { [BIG]: 'left', [SMALL]: 'warmed' })
    assert.equal(end.report.results.find(({ status }) => status === 'left')?.cause, 'until')
    assert.match(end.said, /its time was up/)
    assert.deepEqual(warm.failedLines, [BIG])

    setting.goOn()
    const other = imageOf('other', SMALL_MIB)
    upstream.addImage('library/other', '1', other)
    writeFileSync(warm.listFile, `docker.io/library/other:1\n${BIG}\n${SMALL}\n`)
    const next = await warm.run('--jobs', '1')
    assert.equal(next.code, 0, next.said)
    const fetched = setting.fetched()
    const at = (image: Image): number =>
      fetched.findIndex((url) => url.endsWith(`/blobs/${largestOf(image)}`))
    assert.ok(at(big) >= 0 && at(big) < at(other), fetched.join('\n'))
    assert.equal(warm.failedLines, undefined)
  })

  test('by Ctrl-C with what it has kept, and the next run goes on in the middle of a layer', async () => {
    await using setting = await Setting.start()
    const { warm, upstream } = setting
    setting.stall(big)
    const program = warm.begin()
    await program.waitForLine(/warmed .*library\/small:1/)
    await setting.stalled(big, program)
    program.signal('SIGINT')
    const end = await warm.end(program)
    assert.equal(end.code, 130, end.said)
    assert.equal(end.report.outcome, 'interrupted')
    assert.deepEqual(statuses(end.report), { [BIG]: 'left', [SMALL]: 'warmed' })
    assert.match(end.said, /interrupted: what is stored is kept, the same command goes on/)
    assert.deepEqual(warm.failedLines, [BIG])

    setting.goOn()
    const next = await warm.run()
    assert.equal(next.code, 0, next.said)
    assert.deepEqual(statuses(next.report), { [BIG]: 'warmed', [SMALL]: 'fresh' })
    const [again, ...more] = upstream.log.find({ method: 'GET', path: largestOf(big) })
    assert.deepEqual(more, [])
    const from = Number(/^bytes=(\d+)-/.exec(again?.range ?? '')?.[1])
    assert.ok(from >= KEPT_MIN_BYTES, `it went on at ${from}`)
  })

  test(
    'a night that ends after a tag has moved leaves the older image whole',
    NEEDS_SKOPEO,
    async () => {
      await using setting = await Setting.start({ list: `${EXACT}\n` })
      const { warm, upstream } = setting
      upstream.addImage('library/big', '1.0.0', big)
      assert.equal((await warm.run()).code, 0)
      const newer = imageOf('newer', BIG_MIB)
      upstream.addImage('library/big', '1.0.0', newer)
      setting.stall(newer)
      const program = warm.begin()
      await setting.stalled(newer, program)
      program.signal('SIGINT')
      assert.equal((await warm.end(program)).code, 130)

      await upstream.close()
      await using mirror = await warm.serve()
      await using skopeo = await Skopeo.start({ url: mirror.url })
      assert.equal(await skopeo.pull(EXACT), big.top.digest)
    },
  )

  test('a full disk is named; what fits on it is there', NEEDS_MOUNT, async (t) => {
    await using setting = await Setting.start({ dataFolder: mountDisk(t, DISK_MIB) })
    const { warm, upstream } = setting
    const huge = imageOf('huge', 2 * DISK_MIB)
    upstream.addImage('library/big', '1', huge)
    // What is typed is no list's to keep, and so is not held against what lists may keep.
    writeFileSync(warm.listFile, `${SMALL}\n`)
    const end = await warm.run(BIG)
    assert.equal(end.code, 1, end.said)
    assert.deepEqual(statuses(end.report), { [BIG]: 'failed', [SMALL]: 'warmed' }, end.said)
    const failed = end.report.results.find(({ status }) => status === 'failed')
    assert.ok(failed?.cause === 'disk' || failed?.cause === 'room', failed?.cause)
    assert.match(end.said, /disk is full|room/)

    const nothing = await warm.run(BIG)
    assert.equal(nothing.code, 3, nothing.said)
    assert.match(nothing.said, /nothing could be done: .*(?:disk is full|room)/)
  })

  test('no network is one sentence, and soon', async () => {
    const list = 'nginx\nredis:7\nghcr.io/acme/app:1\nquay.io/acme/tool:^v1\n'
    const closed = `http://${CLOSED_ORIGIN}`
    const registries = { 'docker.io': closed, 'ghcr.io': closed, 'quay.io': closed }
    await using setting = await Setting.start({ list, registries })
    const end = await setting.warm.run()
    assert.equal(end.code, 3, end.said)
    assert.equal(end.report.outcome, 'nothing')
    assert.match(end.said, /nothing could be done: no network: /)
  })

  test('declared offline, it says so and dials nobody', async () => {
    await using setting = await Setting.start()
    const end = await setting.warm.run('--offline')
    assert.equal(end.code, 3, end.said)
    assert.match(end.said, /nothing could be done: .*offline/)
    assert.equal(setting.upstream.connections, 0)
  })

  test('--plan and --check fetch nothing; --check tells what is not fresh by its exit code', async () => {
    await using setting = await Setting.start()
    const { warm, upstream } = setting
    const plan = await warm.run('--plan')
    assert.equal(plan.code, 0, plan.said)
    assert.deepEqual(statuses(plan.report), { [BIG]: 'stale', [SMALL]: 'stale' })
    const stale = await warm.run('--check')
    assert.equal(stale.code, 5, stale.said)
    assert.deepEqual(setting.fetched(), [])
    assert.equal(warm.failedLines, undefined)

    assert.equal((await warm.run()).code, 0)
    upstream.log.clear()
    const fresh = await warm.run('--check')
    assert.equal(fresh.code, 0, fresh.said)
    assert.deepEqual(statuses(fresh.report), { [BIG]: 'fresh', [SMALL]: 'fresh' })
    upstream.addImage('library/small', '1', imageOf('newer', SMALL_MIB))
    assert.equal((await warm.run('--check')).code, 5)
    assert.deepEqual(setting.fetched(), [])
  })
})

// As a clock on the wall shows it, and long enough from now.
function nextMinute(): string {
  const time = new Date(Math.ceil((Date.now() + LEAST_MS) / MINUTE_MS) * MINUTE_MS)
  const digits = [time.getHours(), time.getMinutes()].map((part) => String(part).padStart(2, '0'))
  return digits.join(':')
}
