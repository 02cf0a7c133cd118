import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { test } from 'node:test'
import { parseDigest } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { layoutOf, stagingPath } from '../../src/store/layout.ts'
import { heldContent } from '../support/content.ts'
import type { HeldContent } from '../support/content.ts'
import { buildImage } from '../support/images.ts'
import type { LoggedRequest } from '../support/request-log.ts'
import { status, tooManyRequests } from '../support/scripted-reply.ts'
import type { Reply } from '../support/scripted-reply.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { publishedDigests } from '../support/store-invariants.ts'
import { TestMirror } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'

const MIB = 2 ** 20
const image = buildImage({
  seed: 'segments',
  form: 'oci',
  architectures: ['arm64'],
  smallLayers: 1,
  bigLayers: 1,
  bigLayerMiB: 33,
})
const [big, small] = [...image.blobs.values()].toSorted((a, b) => b.size - a.size)
assert.ok(big && small)
const blob: HeldContent = heldContent(big)
const BLOB = `/blobs/${blob.digest}`
// Of the four that two connections take turns at.
const PIECE = Math.ceil(blob.size / 4)
const WHOLE = { expect: { bytes: blob.bytes } }

// A mirror that knows the size of the blob, by the manifest it has given out.
class Setting implements AsyncDisposable {
  readonly upstreams: readonly ScriptedUpstream[]
  readonly mirror: TestMirror

  private constructor(upstreams: readonly ScriptedUpstream[], mirror: TestMirror) {
    this.upstreams = upstreams
    this.mirror = mirror
  }

  static async start(segments: number, endpoints = 1): Promise<Setting> {
    const starting = Array.from({ length: endpoints }, () => ScriptedUpstream.start())
    const upstreams = await Promise.all(starting)
    for (const upstream of upstreams) upstream.addImage('library/app', '1', image)
    const registry = { endpoints: upstreams.map(({ url }) => url), segments }
    const mirror = await TestMirror.start({ registries: { 'docker.io': registry } })
    assert.equal((await mirror.get('/v2/app/manifests/1')).status, 200)
    return new Setting(upstreams, mirror)
  }

  get upstream(): ScriptedUpstream {
    const [first] = this.upstreams
    assert.ok(first)
    return first
  }

  // The answers that follow are these, and then good ones.
  script(...replies: readonly Reply[]): void {
    for (const reply of replies) this.upstream.script({ path: BLOB, times: 1, reply })
  }

  asked(): LoggedRequest[] {
    return this.upstreams.flatMap(({ log }) => log.find({ path: BLOB }))
  }

  async upstreamAsked(count: number): Promise<void> {
    const what = `${count} requests`
    await waitUntil(() => this.asked().length >= count, { what, everyMs: 1 })
  }

  async pull(): Promise<string> {
    await using response = await this.mirror.open(`/v2/app${BLOB}`)
    return (await response.take(WHOLE)).ending
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const upstream of this.upstreams) upstream.release()
    await this.mirror.close(new Map([[blob.digest, blob]]))
    await Promise.all(this.upstreams.map((upstream) => upstream.close()))
  }
}

// Of answers that gave something of the blob, in the order of the bytes.
function parts(asked: readonly LoggedRequest[]): { start: number; end: number; bytes: number }[] {
  return asked
    .filter(({ status: code }) => code === 206)
    .map(({ range, bytes }) => {
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
      return { start: Number(start), end: Number(end) + 1, bytes }
    })
    .toSorted((a, b) => a.start - b.start)
}

function assertEachByteOnce(asked: readonly LoggedRequest[]): void {
  const given = parts(asked)
  for (const [n, { start }] of given.entries()) assert.equal(start, given[n - 1]?.end ?? 0)
  assert.equal(given.at(-1)?.end, blob.size)
  assert.equal(sentBytes(asked), blob.size)
}

function sentBytes(asked: readonly LoggedRequest[]): number {
  return parts(asked).reduce((sum, { bytes }) => sum + bytes, 0)
}

test('a large blob comes over several connections at once, and each byte once', async () => {
  await using setting = await Setting.start(4)
  // Each of four waits for the other three.
  setting.script(...Array.from({ length: 4 }, () => ({ stall: { after: MIB } })))
  const pulled = setting.pull()
  await setting.upstreamAsked(4)
  setting.upstream.release()
  assert.equal(await pulled, 'complete')
  assertEachByteOnce(setting.asked())
  await setting.mirror.published(blob.digest)
})

test('what is small, and what nobody has told the size of, is asked for once', async () => {
  await using setting = await Setting.start(4)
  const { mirror, upstream } = setting
  assert.equal((await mirror.get(`/v2/app/blobs/${small.digest}`)).status, 200)
  upstream.addBlob('library/other', blob)
  await using other = await mirror.open(`/v2/other${BLOB}`)
  assert.equal((await other.take(WHOLE)).ending, 'complete')
  const asked = upstream.log.find({ path: '/blobs/' })
  assert.deepEqual(
    asked.map(({ range }) => range),
    [undefined, undefined],
  )
})

test('an upstream that knows no ranges gives it in one answer, and is asked once', async () => {
  await using setting = await Setting.start(4)
  setting.upstream.script({ path: BLOB, reply: { ignoreRange: true } })
  assert.equal(await setting.pull(), 'complete')
  const asked = setting.asked()
  assert.deepEqual([asked.length, asked[0]?.bytes], [1, blob.size])
})

test('an upstream that refuses ranges is asked for the whole', async () => {
  await using setting = await Setting.start(4)
  setting.script(status(416))
  setting.upstream.script({ path: BLOB, reply: { ignoreRange: true } })
  assert.equal(await setting.pull(), 'complete')
  const asked = setting.asked()
  assert.deepEqual([asked.length, asked[1]?.range, asked[1]?.bytes], [2, undefined, blob.size])
})

for (const [how, replies] of [
  ['429, 403 and 503', [tooManyRequests(60), status(403), status(503)]],
  ['404, the whole and 429', [status(404), { ignoreRange: true }, tooManyRequests()]],
] as const) {
  test(`further connections that are answered ${how} are done without`, async () => {
    await using setting = await Setting.start(4)
    const { mirror, upstream } = setting
    setting.script({ stall: { after: MIB } }, ...replies)
    const pulled = setting.pull()
    await setting.upstreamAsked(4)
    // It was their number: others are not kept waiting, and nobody is warned.
    assert.equal((await mirror.get(`/v2/app/blobs/${small.digest}`)).status, 200)
    upstream.release()
    assert.equal(await pulled, 'complete')
    const asked = setting.asked()
    assertEachByteOnce(asked)
    // The first piece, three that were refused, and all the rest over the one that is left.
    assert.equal(asked.length, 5)
    assert.deepEqual(
      mirror.lines.filter(({ level }) => level === 'warn' || level === 'error'),
      [],
    )
  })
}

test('a connection that stalls holds the others up when they are far ahead, and not before', async () => {
  await using setting = await Setting.start(2)
  const { mirror, upstream } = setting
  setting.script({ stall: { after: MIB } })
  const pulled = setting.pull()
  // Four pieces may be under way or done beyond the beginning of the oldest.
  await setting.upstreamAsked(4)
  const middle = `bytes=${10 * MIB}-${11 * MIB}`
  const { body } = await mirror.get(`/v2/app${BLOB}`, { range: middle })
  assert.ok(body.equals(blob.bytes.subarray(10 * MIB, 11 * MIB + 1)))
  await waitUntil(() => setting.asked().filter(({ end }) => end === 'complete').length === 3, {
    what: 'the pieces ahead',
    everyMs: 1,
  })
  assert.equal(setting.asked().length, 4)
  upstream.release()
  assert.equal(await pulled, 'complete')
  assertEachByteOnce(setting.asked())
})

test('a short range far ahead is fetched beside the pieces, and not again', async () => {
  await using setting = await Setting.start(2)
  const { mirror, upstream } = setting
  setting.script({ stall: { after: MIB } }, { stall: { after: MIB } })
  const pulled = setting.pull()
  await setting.upstreamAsked(2)
  const { body } = await mirror.get(`/v2/app${BLOB}`, { range: 'bytes=-100000' })
  assert.ok(body.equals(blob.bytes.subarray(-100_000)))
  upstream.release()
  assert.equal(await pulled, 'complete')
  assertEachByteOnce(setting.asked())
})

test('what a short range that breaks does not bring comes with the pieces', async () => {
  await using setting = await Setting.start(2)
  const { mirror, upstream } = setting
  const piece = { stall: { after: MIB } }
  setting.script(piece, piece, { cut: { after: 1000, by: 'rst' } })
  const pulled = setting.pull()
  await setting.upstreamAsked(2)
  const suffix = mirror.get(`/v2/app${BLOB}`, { range: 'bytes=-100000' })
  await setting.upstreamAsked(3)
  upstream.release()
  assert.ok((await suffix).body.equals(blob.bytes.subarray(-100_000)))
  assert.equal(await pulled, 'complete')
})

test('what came over several connections is not asked for again after a stop', async () => {
  await using setting = await Setting.start(4)
  const { mirror } = setting
  setting.script(...Array.from({ length: 4 }, () => ({ stall: { after: 3 * MIB } })))
  const pulled = setting.pull()
  await setting.upstreamAsked(4)
  const staged = stagingPath(layoutOf(mirror.folder), parseDigest(blob.digest) as Digest)
  const isThere = (): boolean => statSync(staged).blocks * 512 >= 12 * MIB
  await waitUntil(isThere, { what: 'what the four gave', everyMs: 1 })
  await mirror.restart()
  assert.notEqual(await pulled, 'complete')
  const before = setting.asked().length
  setting.upstream.release()

  await mirror.get('/v2/app/manifests/1')
  assert.equal(await setting.pull(), 'complete')
  await mirror.published(blob.digest)
  const again = parts(setting.asked().slice(before))
  const bytes = again.reduce((sum, { start, end }) => sum + end - start, 0)
  const missing = blob.size - 12 * MIB
  assert.ok(bytes >= missing && bytes < missing + 64 * 1024, `${bytes} of ${missing}`)
})

test('wrong bytes of any connection: nothing is stored, and nobody gets the whole', async () => {
  await using setting = await Setting.start(4)
  setting.script({}, { flip: 12 * MIB }, { flip: 12 * MIB }, { flip: 12 * MIB })
  await using response = await setting.mirror.open(`/v2/app${BLOB}`)
  assert.equal((await response.take()).ending, 'fin')
  await setting.mirror.logged(/could not be fetched/)
  assert.deepEqual(publishedDigests(setting.mirror.folder), [])
})

test('another size told to a further connection is the end of the download', async () => {
  await using setting = await Setting.start(2)
  const end = 2 * PIECE - 1
  const headers = { 'content-range': `bytes ${PIECE}-${end}/${blob.size + 1}` }
  setting.script({ stall: { after: MIB } }, { headers })
  assert.equal(await setting.pull(), 'fin')
  await setting.mirror.logged(/could not be fetched/)
  assert.deepEqual(publishedDigests(setting.mirror.folder), [])
})

test('where one endpoint refuses further connections, another gives their pieces', async () => {
  await using setting = await Setting.start(4, 2)
  const [first, second] = setting.upstreams
  setting.script({ stall: { after: MIB } })
  first?.script({ path: BLOB, times: 3, reply: status(503) })
  const pulled = setting.pull()
  await waitUntil(() => (second?.log.find({ path: BLOB }).length ?? 0) >= 3, {
    what: 'the other endpoint',
    everyMs: 1,
  })
  first?.release()
  assert.equal(await pulled, 'complete')
  assertEachByteOnce(setting.asked())
})
