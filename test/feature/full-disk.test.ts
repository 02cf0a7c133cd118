import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OWN_CLOCK, putClockForward } from '../support/clock.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { READS, startOnFailingDisk, WRITES } from '../support/failing-disk.ts'
import type { DiskSetting } from '../support/failing-disk.ts'
import { buildImage } from '../support/images.ts'
import { campaign, seed } from '../support/seed.ts'
import { publishedDigests, quarantinedNames, stagedNames } from '../support/store-invariants.ts'
import type { Answer } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'

const MIB = 2 ** 20
const image = buildImage({ seed: 'full disk', form: 'oci', architectures: ['amd64'] })
const other = buildImage({ seed: 'full disk too', form: 'oci', architectures: ['arm64'] })
const blob = heldContent(seededContent('full disk', 3 * MIB))
const large = heldContent(seededContent('full disk, large', 24 * MIB))
const BLOBS = '/v2/app/blobs/'
const PATH = BLOBS + blob.digest
const HELD = '/v2/app/manifests/latest'

function assertWhole({ status, ending, body }: Answer, content = blob): void {
  assert.deepEqual([status, ending], [200, 'complete'])
  assert.ok(body.equals(content.bytes))
}

function told(setting: DiskSetting, pattern: RegExp): string[] {
  return setting.lines.filter((line) => pattern.test(line))
}

test('a tag that is held is still answered on a full disk, and what upstream has new is too', async (t) => {
  const { upstream, disk, lines, get } = await startOnFailingDisk(t)
  upstream.addImage('library/app', 'latest', image)
  assert.equal((await get(HELD)).status, 200)
  disk.isFull = true
  for (const _ of [1, 2]) {
    const answer = await get(HELD)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('docker-content-digest'), image.top.digest)
  }
  upstream.addImage('library/app', 'latest', other)
  for (const _ of [1, 2]) {
    const moved = await get(HELD)
    assert.equal(moved.status, 200)
    assert.equal(moved.headers.get('docker-content-digest'), other.top.digest)
    assert.equal(moved.headers.get('warning'), undefined)
  }
  const errors = lines.filter((line) => line.startsWith('error'))
  assert.equal(errors.length, 1, errors.join('\n'))
  assert.match(errors[0] ?? '', /no space left.*pulls go on/)
})

test('an image that was never seen has its manifest served on a full disk', async (t) => {
  const { upstream, disk, get } = await startOnFailingDisk(t)
  upstream.addImage('library/app', 'latest', image)
  disk.isFull = true
  for (const path of [HELD, `/v2/app/manifests/${image.top.digest}`]) {
    const { status, body } = await get(path)
    assert.equal(status, 200)
    assert.ok(body.equals(image.manifests.get(image.top.digest)?.bytes ?? Buffer.alloc(0)))
  }
})

test('a stored blob is served from a full disk, and nobody is asked', async (t) => {
  const setting = await startOnFailingDisk(t)
  setting.upstream.addBlob('library/app', blob)
  assertWhole(await setting.get(PATH))
  await setting.logged(/published/)
  setting.asked(blob.digest)
  setting.disk.isFull = true
  assertWhole(await setting.get(PATH))
  assert.deepEqual(setting.asked(blob.digest), [])
})

test('a cold blob on a full disk is passed through, and the disk is left alone for a while', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  const { upstream, disk, get } = setting
  upstream.addBlob('library/app', blob)
  disk.isFull = true
  assertWhole(await get(PATH))
  await setting.logged(/the disk is full/)
  setting.asked(blob.digest)
  const answer = await get(PATH)
  assertWhole(answer)
  assert.equal(answer.headers.get('cache-status'), 'regmirror; fwd=bypass; detail=unstored')
  assert.equal(answer.headers.get('content-length'), String(blob.size))
  assert.deepEqual(setting.asked(blob.digest), ['whole'])
  assert.deepEqual(publishedDigests(setting.folder), [])
  assert.deepEqual(stagedNames(setting.folder), [])
  assert.equal(told(setting, /^error: the disk is full/).length, 1)
})

test('a disk that takes no new file costs one request of upstream for each pull', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  setting.upstream.addBlob('library/app', blob)
  setting.disk.refusesToStage = true
  for (const _ of [1, 2]) {
    assertWhole(await setting.get(PATH))
    assert.deepEqual(setting.asked(blob.digest), ['whole'])
  }
})

test('when the disk has space again, what is pulled is stored again', OWN_CLOCK, async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  setting.upstream.addBlob('library/app', blob)
  setting.disk.isFull = true
  assertWhole(await setting.get(PATH))
  await setting.logged(/the disk is full/)
  setting.disk.isFull = false
  putClockForward(31_000)
  assertWhole(await setting.get(PATH))
  await setting.logged(/published/)
  await setting.logged(/the disk takes downloads again/)
  setting.asked(blob.digest)
  assertWhole(await setting.get(PATH))
  assert.deepEqual(setting.asked(blob.digest), [])
})

test('a blob that cannot be published reaches its readers whole, and leaves nothing behind', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  setting.upstream.addBlob('library/app', blob)
  setting.disk.refusesToPublish = true
  assertWhole(await setting.get(PATH))
  await setting.logged(/served but not stored/)
  assert.deepEqual(setting.asked(blob.digest), ['whole'])
  await waitUntil(() => setting.room.takenBytes === 0, { what: 'the room is given back' })
  assert.deepEqual(stagedNames(setting.folder), [])
})

test('a blob whose row cannot be written is served, and its file does not stay uncounted', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  setting.upstream.addBlob('library/app', blob)
  setting.disk.failsAt.add('publishBlob')
  assertWhole(await setting.get(PATH))
  await setting.logged(/served but not stored/)
  await waitUntil(() => setting.room.takenBytes === 0, { what: 'the room is given back' })
  assert.deepEqual(publishedDigests(setting.folder), [])
  assert.deepEqual(stagedNames(setting.folder), [])
})

test('readers of a download do not notice that the disk fails under it', async (t) => {
  for (let run = 0; run < campaign(4); run += 1) {
    const failAt = (seed * 7919 + run * 5_003_801) % blob.size
    await t.test(`at byte ${failAt}`, async (t) => {
      const setting = await startOnFailingDisk(t, [blob])
      const { upstream, disk, get } = setting
      upstream.addBlob('library/app', blob)
      upstream.script({ path: blob.digest, times: 1, reply: { holdHeaders: true } })
      disk.fullFrom = failAt
      const pulls = Array.from({ length: 8 }, () => get(PATH))
      const range = get(PATH, { range: 'bytes=1000000-1999999' })
      const end = get(PATH, { range: 'bytes=-1000' })
      const leaver = setting.open(PATH).then((response) => response.take({ leaveAfter: 100_000 }))
      await waitUntil(() => upstream.log.all.length > 0, { what: 'upstream is asked' })
      upstream.release()
      for (const pull of pulls) assertWhole(await pull)
      assert.ok((await range).body.equals(blob.bytes.subarray(1_000_000, 2_000_000)))
      assert.ok((await end).body.equals(blob.bytes.subarray(-1000)))
      assert.equal((await leaver).ending, 'left')
      // The download's own, and one for each reader that has to go on alone.
      const asked = setting.asked(blob.digest)
      assert.ok(asked.length <= 12, asked.join(' '))
      assert.equal(told(setting, /^error: the disk is full/).length, 1)
      await waitUntil(() => setting.room.takenBytes === 0, { what: 'the room is given back' })
      assert.deepEqual(stagedNames(setting.folder), [])
    })
  }
})

test('what of a failed download is in the file is not fetched again', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  setting.upstream.addBlob('library/app', blob)
  setting.disk.fullFrom = 2 * MIB
  assertWhole(await setting.get(PATH))
  const [first, second, ...others] = setting.asked(blob.digest)
  assert.deepEqual([first, others], ['whole', []])
  const from = Number(/bytes=(\d+)-/.exec(second ?? '')?.[1])
  assert.ok(from > MIB, second)
})

test('where the file of a failed download cannot be read either, it is fetched again and verified', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  const { upstream, disk } = setting
  upstream.addBlob('library/app', blob)
  upstream.script({ path: blob.digest, times: 1, reply: { stall: { after: 2 * MIB } } })
  const pull = setting.get(PATH)
  await waitUntil(() => upstream.log.all.some(({ end }) => end === 'stalled'), { what: 'a stall' })
  disk.isUnreadable = true
  disk.fullFrom = 2 * MIB
  upstream.release()
  assertWhole(await pull)
})

test('wrong content is never whole where it is passed through, and is not asked for again at once', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  const { upstream, disk, get } = setting
  upstream.addBlob('library/app', blob)
  disk.refusesToStage = true
  for (const flip of [7, blob.size - 1]) {
    upstream.script({ path: blob.digest, times: 1, reply: { flip } })
    const answer = await get(PATH)
    assert.equal(answer.ending, 'fin')
    assert.ok(answer.body.length < blob.size)
    upstream.log.clear()
    assert.equal((await get(PATH)).status, 502)
    assert.deepEqual(setting.asked(blob.digest), [])
    putClockForward(11_000)
  }
  assertWhole(await get(PATH))
})

test('wrong content that comes after the disk has failed is not whole either', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  const { upstream, disk, get } = setting
  upstream.addBlob('library/app', blob)
  disk.fullFrom = MIB
  upstream.script({ path: blob.digest, reply: { flip: 100 } })
  const answer = await get(PATH)
  assert.equal(answer.ending, 'fin')
  assert.ok(answer.body.length < blob.size)
  await setting.logged(/could not be passed through: upstream sent content of digest/)
})

// [what upstream does, its first reply, how often it is asked]
const UPSTREAMS = [
  ['breaks off', { cut: { after: 2 * MIB, by: 'rst' } }, 2],
  ['breaks off and ignores the range then', { cut: { after: 2 * MIB, by: 'fin' } }, 2],
  ['tells no length', { chunked: true }, 1],
  ['sends gzip that nobody asked for', { gzip: true }, 1],
] as const

for (const [what, reply, requests] of UPSTREAMS) {
  test(`what is passed through is right where upstream ${what}`, async (t) => {
    const setting = await startOnFailingDisk(t, [blob])
    setting.upstream.addBlob('library/app', blob)
    setting.disk.refusesToStage = true
    setting.upstream.script({ path: blob.digest, times: 1, reply })
    if (what.includes('ignores')) {
      setting.upstream.script({ path: blob.digest, reply: { ignoreRange: true } })
    }
    assertWhole(await setting.get(PATH))
    assert.equal(setting.asked(blob.digest).length, requests)
  })
}

test('upstream that has no such blob is 404 where nothing can be stored', async (t) => {
  const setting = await startOnFailingDisk(t)
  setting.upstream.addBlob('library/app', large)
  setting.disk.refusesToStage = true
  for (const headers of [{}, { range: 'bytes=0-9' }]) {
    assert.equal((await setting.get(PATH, headers)).status, 404)
  }
})

test('a reader that leaves takes the upstream request of its own with it', async (t) => {
  const setting = await startOnFailingDisk(t, [large])
  const { upstream } = setting
  const path = BLOBS + upstream.addBlob('library/app', large)
  setting.disk.refusesToStage = true
  await (await setting.open(path)).take({ leaveAfter: MIB })
  await waitUntil(() => upstream.log.all[0]?.end === 'client left', { what: 'upstream is let go' })
})

test('a reader that waits for upstream and leaves ends the wait', async (t) => {
  const setting = await startOnFailingDisk(t, [large])
  const { upstream } = setting
  const path = BLOBS + upstream.addBlob('library/app', large)
  setting.disk.refusesToStage = true
  upstream.script({ path: large.digest, reply: { stall: { after: MIB } } })
  await (await setting.open(path)).take({ leaveAfter: MIB / 2 })
  await waitUntil(() => upstream.log.all[0]?.end === 'stalled', { what: 'a stall' })
  upstream.clearScript()
  assertWhole(await setting.get(path), large)
})

test('a slow reader of what is passed through slows upstream, and fills no memory', async (t) => {
  const setting = await startOnFailingDisk(t, [large])
  const { upstream } = setting
  const path = BLOBS + upstream.addBlob('library/app', large)
  setting.disk.refusesToStage = true
  await using slow = await setting.open(path)
  await slow.read()
  assertWhole(await setting.get(path), large)
  const [first] = upstream.log.all
  assert.equal(first?.end, 'open')
  assert.ok(first.bytes < large.size, `${first.bytes} bytes`)
  assert.deepEqual(await slow.take({ hash: false }).then(({ ending }) => ending), 'complete')
})

test('ranges are passed through as they are asked for', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  setting.upstream.addBlob('library/app', blob)
  setting.disk.refusesToStage = true
  const one = await setting.get(PATH, { range: 'bytes=1000-1999' })
  assert.equal(one.status, 206)
  assert.equal(one.headers.get('content-range'), `bytes 1000-1999/${blob.size}`)
  assert.ok(one.body.equals(blob.bytes.subarray(1000, 2000)))
  setting.asked(blob.digest)
  const rest = await setting.get(PATH, { range: `bytes=${MIB}-` })
  assert.ok(rest.body.equals(blob.bytes.subarray(MIB)))
  const two = await setting.get(PATH, { range: 'bytes=0-99,5000-5099' })
  assert.equal(two.status, 206)
  assert.equal(two.ending, 'complete')
  assert.ok(two.body.includes(blob.bytes.subarray(5000, 5100)))
  assert.equal((await setting.get(PATH, { range: 'bytes=99999999-' })).status, 416)
})

test('a stored blob that cannot be read reaches its reader whole, and heals at the next pull', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  setting.upstream.addBlob('library/app', blob)
  assertWhole(await setting.get(PATH))
  await setting.logged(/published/)
  setting.disk.isUnreadable = true
  assertWhole(await setting.get(PATH))
  await setting.logged(/is damaged/)
  await waitUntil(() => quarantinedNames(setting.folder).length === 1, { what: 'quarantine' })
  setting.disk.isUnreadable = false
  assertWhole(await setting.get(PATH))
  await setting.logged(/published/, 2)
  setting.asked(blob.digest)
  assertWhole(await setting.get(PATH))
  assert.deepEqual(setting.asked(blob.digest), [])
})

for (const method of [...READS, ...WRITES]) {
  test(`an index of which ${method} fails keeps nobody from an image, cold or warm`, async (t) => {
    const setting = await startOnFailingDisk(t, [...image.blobs.values()])
    setting.upstream.addImage('library/app', 'latest', image)
    setting.disk.failsAt.add(method)
    for (const _ of ['cold', 'warm']) {
      const top = await setting.get(HELD)
      assert.equal(top.status, 200)
      assert.equal(top.headers.get('docker-content-digest'), image.top.digest)
      for (const [digest, content] of image.blobs) {
        const { status, ending, body } = await setting.get(BLOBS + digest)
        assert.deepEqual([status, ending], [200, 'complete'])
        assert.ok(body.equals(heldContent(content).bytes))
      }
    }
    assert.ok(told(setting, /^error: (reading|writing) the index fails/).length <= 1)
  })
}
