// One large blob over several connections, each as slow as a long line makes it: a mirror that is
// killed in the middle goes on where each of them was.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RegMirror } from '../support/binary.ts'
import { heldContent } from '../support/content.ts'
import { FaultyLink } from '../support/faulty-link.ts'
import { FetchedAgain } from '../support/fetched-again.ts'
import { buildImage } from '../support/images.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { checkStore, publishedDigests } from '../support/store-invariants.ts'
import { awaitedLater, waitUntil } from '../support/wait-until.ts'

const MIB = 2 ** 20
const CONNECTIONS = 4
const LINK = { bytesPerSecond: 4 * MIB, isEachAsFast: true }
const image = buildImage({
  seed: 'killed segments',
  form: 'oci',
  architectures: ['arm64'],
  bigLayers: 1,
  bigLayerMiB: 40,
})
const [big] = [...image.blobs.values()].toSorted((a, b) => b.size - a.size)
assert.ok(big)
const blob = heldContent(big)

test('killed while four connections bring a blob: next to nothing comes again', async (t) => {
  await using upstream = await ScriptedUpstream.start()
  upstream.addImage('library/app', '1', image)
  upstream.script(FetchedAgain.script)
  await using link = await FaultyLink.start(upstream.url, LINK)
  const args = ['--segments', `docker.io=${CONNECTIONS}`]
  await using mirror = await RegMirror.start({ registries: { 'docker.io': link.url }, args })
  const again = new FetchedAgain([link])
  const pull = async (): Promise<string> => {
    const response = await rawRequest(mirror.blobUrl('docker.io', 'library/app', blob.digest))
    return (await response.take({ expect: { bytes: blob.bytes } })).ending
  }
  const manifest = await rawRequest(mirror.manifestUrl('docker.io', 'library/app', '1'))
  assert.equal((await manifest.take()).ending, 'complete')

  const pulled = awaitedLater(pull())
  const isHalf = (): boolean => link.delivered > 0.5 * blob.size
  await waitUntil(isHalf, { what: 'half of the blob', everyMs: 1 })
  assert.ok(link.open.size >= CONNECTIONS, `${link.open.size} connections`)
  mirror.program.signal('SIGSTOP')
  again.interrupt()
  await mirror.stop('SIGKILL')
  assert.notEqual(await pulled, 'complete')
  checkStore(mirror.dataFolder, new Map([[blob.digest, blob]]))

  await mirror.restart()
  assert.equal(await pull(), 'complete')
  again.settle()
  await mirror.stop()
  assert.ok(publishedDigests(mirror.dataFolder).includes(blob.digest))
  checkStore(mirror.dataFolder, new Map([[blob.digest, blob]]))
  t.diagnostic(`${again.interrupted} connections interrupted, ${again.worst} bytes fetched again`)
  assert.equal(again.interrupted, CONNECTIONS)
  assert.ok(again.worst <= CONNECTIONS * MIB, `${again.worst} bytes of ${again.worstOf}`)
})
