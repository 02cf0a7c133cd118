// The server's memory does not grow with the size of a blob, the number of clients, or how slowly
// they read.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { MIB } from '../support/cold-blob.ts'
import { heldContent, seededContent, zeroContent } from '../support/content.ts'
import type { HeldContent } from '../support/content.ts'
import { IdleConnections } from '../support/idle-connections.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign } from '../support/seed.ts'
import { awaitedLater } from '../support/wait-until.ts'

const LIMIT_MIB = 200
const REPOSITORY = 'library/big'
// More than 32 bits count; with REGMIRROR_CAMPAIGN=2 and more, 6 GiB.
const BIG_GIB = campaign(1) > 1 ? 6 : 4.25
const PAST_32_BITS = (4 * 1024 + 128) * MIB

function assertSmall(mirror: RegMirror): void {
  const { peakMiB } = mirror.memory()
  assert.ok(peakMiB < LIMIT_MIB, `the server's memory reached ${peakMiB.toFixed(0)} MiB`)
}

test(`a blob of ${BIG_GIB} GiB passes through`, { timeout: 300_000 }, async () => {
  await using upstream = await ScriptedUpstream.start()
  const content = zeroContent(BIG_GIB * 1024 * MIB)
  const digest = upstream.addBlob(REPOSITORY, content)
  await using mirror = await RegMirror.start({ registries: { 'docker.io': upstream.url } })
  const url = mirror.blobUrl('docker.io', REPOSITORY, digest)
  const zeroes = Buffer.alloc(MIB)

  const expectZeroes = async (start: number, headers = {}) => {
    await using response = await rawRequest(url, { headers })
    assert.equal(response.status, start === 0 ? 200 : 206)
    assert.equal(response.headers.get('content-length'), String(content.size - start))
    const { bytes, ending } = await response.take({
      onChunk: (chunk) => assert.ok(chunk.equals(zeroes.subarray(0, chunk.length))),
    })
    assert.deepEqual({ bytes, ending }, { bytes: content.size - start, ending: 'complete' })
  }
  await expectZeroes(0)
  assertSmall(mirror)
  await expectZeroes(PAST_32_BITS, { range: `bytes=${PAST_32_BITS}-` })
  assertSmall(mirror)
  assert.equal(upstream.log.find({ method: 'GET', path: digest }).length, 1)
})

test('1 000 idle connections and 64 downloads', { timeout: 120_000 }, async () => {
  await using upstream = await ScriptedUpstream.start()
  const contents = Array.from({ length: 8 }, (_, n) =>
    heldContent(seededContent(`download ${n}`, 24 * MIB)),
  )
  for (const content of contents) upstream.addBlob(REPOSITORY, content)
  await using mirror = await RegMirror.start({ registries: { 'docker.io': upstream.url } })
  await using idle = await IdleConnections.open(mirror.url, 1000)

  // Of the eight clients of each blob, one reads a little and then nothing until the others are
  // done: it may hold up nobody, and nothing may pile up for it.
  const slow = Promise.withResolvers<void>()
  const download = async (content: HeldContent, stopsFor?: Promise<void>) => {
    const url = mirror.blobUrl('docker.io', REPOSITORY, content.digest)
    await using response = await rawRequest(url)
    const head = (await response.read()) ?? Buffer.alloc(0)
    assert.ok(head.equals(content.bytes.subarray(0, head.length)))
    await stopsFor
    const { bytes, ending } = await response.take({
      expect: { bytes: content.bytes, offset: head.length },
    })
    assert.deepEqual([head.length + bytes, ending], [content.size, 'complete'])
  }
  const patient = contents.map((content) => awaitedLater(download(content, slow.promise)))
  await Promise.all(
    contents.flatMap((content) => Array.from({ length: 7 }, () => download(content))),
  )
  slow.resolve()
  await Promise.all(patient)

  assertSmall(mirror)
  assert.equal(idle.stillOpen, 1000, 'no idle connection was closed')
  const gets = contents.map(({ digest }) => upstream.log.find({ method: 'GET', path: digest }))
  assert.deepEqual(
    gets.map((requests) => requests.length),
    contents.map(() => 1),
  )
})

test('64 downloads of as many blobs', { timeout: 120_000 }, async () => {
  await using upstream = await ScriptedUpstream.start()
  const contents = Array.from({ length: 64 }, (_, n) =>
    heldContent(seededContent(`another download ${n}`, 12 * MIB)),
  )
  for (const content of contents) upstream.addBlob(REPOSITORY, content)
  await using mirror = await RegMirror.start({ registries: { 'docker.io': upstream.url } })

  const download = async ({ bytes, digest }: HeldContent) => {
    await using response = await rawRequest(mirror.blobUrl('docker.io', REPOSITORY, digest))
    const taken = await response.take({ expect: { bytes, offset: 0 } })
    assert.deepEqual([taken.bytes, taken.ending], [bytes.length, 'complete'])
  }
  await Promise.all(contents.map(download))

  assertSmall(mirror)
  for (const { digest } of contents) {
    assert.equal(upstream.log.find({ method: 'GET', path: digest }).length, 1)
  }
})
