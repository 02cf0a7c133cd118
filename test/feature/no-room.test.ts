// What the mirror asks of the room that its store has, and what becomes of blobs that get none.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Digest } from '../../src/oci/digest.ts'
import { heldContent, seededContent } from '../support/content.ts'
import { startOnFailingDisk } from '../support/failing-disk.ts'
import type { DiskSetting } from '../support/failing-disk.ts'
import { buildImage } from '../support/images.ts'
import { publishedDigests, stagedNames } from '../support/store-invariants.ts'
import type { Answer } from '../support/test-mirror.ts'
import { waitUntil } from '../support/wait-until.ts'

const MIB = 2 ** 20
const small = heldContent(seededContent('small', 100_000))
const blob = heldContent(seededContent('no room', 3 * MIB))
const image = buildImage({ seed: 'no room', form: 'oci', architectures: ['amd64'] })
const PATH = `/v2/app/blobs/${blob.digest}`

function assertWhole({ status, ending, body }: Answer, content = blob): void {
  assert.deepEqual([status, ending], [200, 'complete'])
  assert.ok(body.equals(content.bytes))
}

async function settled(setting: DiskSetting, left: string, bytes: number): Promise<void> {
  const { room } = setting
  await waitUntil(() => room.settled.length > 0, { what: 'the room is settled' })
  assert.deepEqual(
    room.settled.map((each) => [each.left, each.bytes]),
    [[left, bytes]],
  )
}

test('a blob for which there is no room is passed through, and said so', async (t) => {
  const setting = await startOnFailingDisk(t)
  const { upstream, room, get } = setting
  upstream.addBlob('library/app', blob)
  room.limitBytes = MIB / 2
  const answers = await Promise.all([get(PATH), get(PATH), get(PATH)])
  for (const answer of answers) assertWhole(answer)
  assert.deepEqual(setting.asked(blob.digest), ['whole', 'whole', 'whole'])
  const isWarning = (line: string): boolean => line.startsWith('warn: ')
  assert.equal(setting.lines.filter(isWarning).length, 1)
  const told = `the store has no room for ${blob.digest}: what finds none is passed through`
  await setting.logged(new RegExp(`^warn: ${told}.* raise --max-size`))
  assert.equal(answers[0]?.headers.get('cache-status'), 'regmirror; fwd=bypass; detail=unstored')
  assert.deepEqual(publishedDigests(setting.folder), [])
  assert.deepEqual(stagedNames(setting.folder), [])
  assert.equal(room.takenBytes, 0)
})

test('a blob that gets no room keeps no other from being stored', async (t) => {
  const setting = await startOnFailingDisk(t)
  const { upstream, room, get } = setting
  upstream.addImage('library/app', '1', image)
  upstream.addBlob('library/app', blob)
  assert.equal((await get('/v2/app/manifests/1')).status, 200)
  room.limitBytes = 2 * MIB
  assertWhole(await get(PATH))
  for (const digest of image.blobs.keys()) {
    assert.equal((await get(`/v2/app/blobs/${digest}`)).ending, 'complete')
    await setting.logged(new RegExp(`@${digest} published`))
  }
})

test('room is asked for as a descriptor tells the size, and settled as it was published', async (t) => {
  const setting = await startOnFailingDisk(t)
  const { upstream, room, get } = setting
  upstream.addImage('library/app', '1', image)
  await get('/v2/app/manifests/1')
  const [digest = '', content] = [...image.blobs].at(-1) ?? []
  await get(`/v2/app/blobs/${digest}`)
  await setting.logged(/published/)
  assert.deepEqual(room.reserved, [content?.size])
  await settled(setting, 'published', content?.size ?? 0)
})

test('where nobody tells a size, room grows with what comes, and what gets no more is passed on', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  const { upstream, room, get } = setting
  const large = heldContent(seededContent('no size', 6 * MIB))
  upstream.addBlob('library/app', large)
  upstream.script({ path: large.digest, reply: { chunked: true } })
  room.limitBytes = 5 * MIB
  assertWhole(await get(`/v2/app/blobs/${large.digest}`), large)
  assert.deepEqual(room.reserved, [MIB, 2 * MIB, 4 * MIB, 8 * MIB])
  assert.deepEqual(publishedDigests(setting.folder), [])
  await settled(setting, 'nothing', 0)
})

test('a download that is parked leaves its room taken by what is there', async (t) => {
  const setting = await startOnFailingDisk(t, [blob])
  const { upstream, room } = setting
  upstream.addBlob('library/app', blob)
  const cut = { cut: { after: MIB, by: 'fin' }, ignoreRange: true } as const
  upstream.script({ path: blob.digest, times: 1, reply: cut })
  upstream.script({ path: blob.digest, reply: { status: 403, body: 'no' } })
  assert.equal((await setting.get(PATH)).ending, 'fin')
  await waitUntil(() => room.settled.length > 0, { what: 'the room is settled' })
  const [{ left, bytes } = { left: undefined, bytes: 0 }] = room.settled
  // A connection that ends may take some of what it brought with it.
  assert.ok(left === 'parked' && bytes > 0 && bytes <= MIB, `${left} ${bytes}`)
  assert.equal(room.takenBytes, bytes)
})

test('wrong content gives its room back', async (t) => {
  const setting = await startOnFailingDisk(t)
  setting.upstream.addBlob('library/app', blob)
  setting.upstream.script({ path: blob.digest, reply: { flip: 5 } })
  assert.equal((await setting.get(PATH)).ending, 'fin')
  await settled(setting, 'nothing', 0)
  assert.equal(setting.room.takenBytes, 0)
})

test('a blob that upstream does not have gives its room back', async (t) => {
  const setting = await startOnFailingDisk(t)
  setting.upstream.addBlob('library/app', small)
  assert.equal((await setting.get(PATH)).status, 404)
  await settled(setting, 'nothing', 0)
})

test('a stored blob is in use for as long as its response takes, and no longer', async (t) => {
  const setting = await startOnFailingDisk(t)
  const { upstream, room } = setting
  const large = heldContent(seededContent('in use', 24 * MIB))
  const path = `/v2/app/blobs/${upstream.addBlob('library/app', large)}`
  const digest = large.digest as Digest
  assertWhole(await setting.get(path), large)
  await setting.logged(/published/)
  assert.equal(room.used.get(digest), 0)
  await using reading = await setting.open(path)
  await reading.read()
  assert.equal(room.used.get(digest), 1)
  await using leaving = await setting.open(path)
  await leaving.read()
  leaving.leave()
  await reading.take()
  for (const headers of [{ 'if-none-match': `"${digest}"` }, { range: 'bytes=99999999-' }]) {
    await setting.get(path, headers)
  }
  await waitUntil(() => room.used.get(digest) === 0, { what: 'nobody uses it' })
})

test('what is just being removed is waited for, and then downloaded anew', async (t) => {
  const setting = await startOnFailingDisk(t)
  const { upstream, room } = setting
  upstream.addBlob('library/app', blob)
  const digest = blob.digest as Digest
  const removal = Promise.withResolvers<void>()
  room.gone.set(digest, removal.promise)
  const pull = setting.get(PATH)
  for (let turns = 0; turns < 50; turns += 1) await turn()
  assert.deepEqual(setting.asked(blob.digest), [])
  room.gone.delete(digest)
  removal.resolve()
  assertWhole(await pull)
})

test('the log of a pull says what of it was not stored', async (t) => {
  const setting = await startOnFailingDisk(t)
  setting.upstream.addBlob('library/app', blob)
  setting.room.limitBytes = 0
  assertWhole(await setting.get(PATH))
  await setting.logged(/^info: pulled .* 1 blob, .* passed through, not stored/)
})
