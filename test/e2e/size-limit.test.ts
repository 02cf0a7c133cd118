// Images worth many times the size limit are pulled through it by several clients at once: the store
// is never larger than the limit, every pull is right, a reader that takes its time loses nothing, and
// what is pinned stays.
//
// REGMIRROR_CAMPAIGN=32 makes it a limit of 2 GiB.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'node:test'
import Database from 'better-sqlite3'
import { RegMirror } from '../support/binary.ts'
import {
  bytesContent,
  joinedContent,
  seededContent,
  sha256,
  zeroContent,
} from '../support/content.ts'
import type { Content } from '../support/content.ts'
import { MEDIA_TYPES } from '../support/images.ts'
import type { Image } from '../support/images.ts'
import { rawRequest } from '../support/raw-http.ts'
import { ScriptedUpstream } from '../support/scripted-upstream.ts'
import { campaign, seed } from '../support/seed.ts'
import { checkStore, publishedDigests } from '../support/store-invariants.ts'
import { StoreSize } from '../support/store-size.ts'

const MIB = 2 ** 20
const CAP_MIB = campaign(64)
// What is pulled is so many times the limit.
const TIMES = Math.min(campaign(12), 20)
const LAYER_BYTES = Math.floor(CAP_MIB / 12) * MIB
// Of the two in each image one is shared by two images.
const IMAGES = Math.ceil((TIMES * CAP_MIB * MIB) / (1.5 * LAYER_BYTES))
const CLIENTS = 4

// Made on the fly: mostly zeroes, and no two alike.
function layer(name: string): Content {
  const head = seededContent(`size limit ${seed} ${name}`, 64 * 1024)
  return joinedContent([head, zeroContent(LAYER_BYTES - head.size)])
}

function imageOf(n: number): Image {
  const { manifest: mediaType, config: configType, layer: layerType } = MEDIA_TYPES.oci
  const layers = [layer(`own ${n}`), layer(`shared ${Math.floor(n / 2)}`)]
  const config = bytesContent(Buffer.from(JSON.stringify({ n, seed })))
  const descriptor = (type: string, { digest, size }: Content) => ({
    mediaType: type,
    digest,
    size,
  })
  const described = {
    schemaVersion: 2,
    mediaType,
    config: descriptor(configType, config),
    layers: layers.map((each) => descriptor(layerType, each)),
  }
  const bytes = Buffer.from(JSON.stringify(described))
  const top = { mediaType, digest: sha256(bytes), size: bytes.length }
  return {
    top,
    platforms: [],
    manifests: new Map([[top.digest, { mediaType, bytes }]]),
    blobs: new Map([config, ...layers].map((content) => [content.digest, content])),
  }
}

const nameOf = (n: number): string => `library/app${n}`

test('a size limit holds whatever is pulled through it', { timeout: 900_000 }, async () => {
  await using upstream = await ScriptedUpstream.start()
  await using mirror = await RegMirror.start({
    registries: { 'docker.io': upstream.url },
    args: ['--max-size', `${CAP_MIB}MiB`, '--min-free', '0B'],
  })
  const pull = async (n: number, image: Image): Promise<void> => {
    const top = await get(mirror.manifestUrl('docker.io', nameOf(n), 'latest'))
    assert.equal(top, image.top.digest)
    for (const digest of image.blobs.keys()) {
      assert.equal(await get(mirror.blobUrl('docker.io', nameOf(n), digest)), digest)
    }
  }
  const pinned = imageOf(0)
  upstream.addImage(nameOf(0), 'latest', pinned)
  await pull(0, pinned)
  await mirror.stop()
  pin(mirror.dataFolder, nameOf(0))
  await mirror.restart()

  await using size = new StoreSize(mirror.dataFolder)
  const slow = new SlowReader(mirror, upstream)
  const left = Array.from({ length: IMAGES }, (_, n) => n + 1)
  const client = async (): Promise<void> => {
    for (let n = left.shift(); n !== undefined; n = left.shift()) {
      const image = imageOf(n)
      upstream.addImage(nameOf(n), 'latest', image)
      if (n === 1) await slow.start(n, image)
      await pull(n, image)
      upstream.repositories.delete(nameOf(n))
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  await slow.finish()
  await pull(0, pinned)
  const gets = upstream.log.find({ method: 'GET', path: `${nameOf(0)}/blobs/` })
  assert.equal(gets.length, pinned.blobs.size, 'what is pinned was fetched again')
  await mirror.stop()
  checkStore(mirror.dataFolder, new Map())

  const published = publishedDigests(mirror.dataFolder)
  for (const digest of pinned.blobs.keys()) assert.ok(published.includes(digest))
  const figures =
    `${IMAGES} images, ${((IMAGES * 1.5 * LAYER_BYTES) / MIB).toFixed(0)} MiB through ` +
    `${CAP_MIB} MiB; most on disk ${(size.mostBytes / MIB).toFixed(1)} MiB of ${size.samples} samples`
  console.log(figures)
  assert.ok(size.mostBytes <= CAP_MIB * MIB, figures)
  assert.ok(size.mostBytes > CAP_MIB * MIB * 0.7, figures)
})

// The digest of what came.
async function get(url: string): Promise<string> {
  const hash = createHash('sha256')
  await using response = await rawRequest(url)
  assert.equal(response.status, 200, url)
  const { ending } = await response.take({ onChunk: (chunk) => void hash.update(chunk) })
  assert.equal(ending, 'complete', url)
  return `sha256:${hash.digest('hex')}`
}

// Reads one stored layer for as long as the others pull.
class SlowReader {
  readonly #mirror: RegMirror
  readonly #upstream: ScriptedUpstream
  readonly #ending = new AbortController()
  #reading: Promise<void> | undefined

  constructor(mirror: RegMirror, upstream: ScriptedUpstream) {
    this.#mirror = mirror
    this.#upstream = upstream
  }

  async start(n: number, image: Image): Promise<void> {
    const [, [digest] = ['']] = [...image.blobs]
    const url = this.#mirror.blobUrl('docker.io', nameOf(n), digest)
    assert.equal(
      await get(this.#mirror.manifestUrl('docker.io', nameOf(n), 'latest')),
      image.top.digest,
    )
    assert.equal(await get(url), digest)
    const asked = this.#upstream.log.find({ method: 'GET', path: digest }).length
    this.#reading = this.#read(url, digest).then(() => {
      assert.equal(this.#upstream.log.find({ method: 'GET', path: digest }).length, asked)
    })
    this.#reading.catch(() => undefined)
  }

  async finish(): Promise<void> {
    this.#ending.abort()
    await this.#reading
  }

  async #read(url: string, digest: string): Promise<void> {
    const hash = createHash('sha256')
    await using response = await rawRequest(url)
    for (let chunk = await response.read(); chunk; chunk = await response.read()) {
      hash.update(chunk)
      if (!this.#ending.signal.aborted) {
        await delay(300, undefined, { signal: this.#ending.signal }).catch(() => undefined)
      }
    }
    assert.equal(`sha256:${hash.digest('hex')}`, digest)
  }
}

function pin(folder: string, name: string): void {
  const database = new Database(`${folder}/index.db`)
  try {
    const sql = `INSERT INTO pin (repository, reference, pinned_by, pinned_at)
      SELECT id, 'latest', 'list.txt', 1 FROM repository WHERE name = ?`
    database.prepare(sql).run(name)
  } finally {
    database.close()
  }
}
