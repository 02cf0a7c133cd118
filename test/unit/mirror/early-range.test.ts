// A real fill into a real file, hashed by a real worker, whose upstream bodies the test hands out
// piece by piece: one for the whole and one for a short range far ahead.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Fill } from '../../../src/mirror/fill.ts'
import { Pace } from '../../../src/mirror/pace.ts'
import { parseDigest } from '../../../src/oci/digest.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/name.ts'
import { startHasher } from '../../../src/store/hasher.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { stageBlob } from '../../../src/store/staged-blob.ts'
import { heldContent, seededContent, sha256 } from '../../support/content.ts'
import { checkStore, publishedDigests, publishedPath } from '../../support/store-invariants.ts'
import { ScriptedRoom } from '../../support/scripted-room.ts'
import { TempFolder } from '../../support/temp-folder.ts'

const MIB = 2 ** 20
const blob = heldContent(seededContent('early range', 24 * MIB))
const WINDOW = { start: 20 * MIB, end: 21 * MIB }
const STEP = 64 * 1024

// A body that gives what the test puts into it and does not care whether it was aborted.
class Body {
  readonly over: Promise<void>
  readonly #over = Promise.withResolvers<void>()
  readonly #pieces: (Buffer | undefined)[] = []
  #arrived = Promise.withResolvers<void>()

  constructor() {
    this.over = this.#over.promise
  }

  give(bytes: Buffer, step = STEP): void {
    for (let at = 0; at < bytes.length; at += step) {
      this.#pieces.push(bytes.subarray(at, at + step))
    }
    this.#arrived.resolve()
  }

  end(): void {
    this.#pieces.push(undefined)
    this.#arrived.resolve()
  }

  async *read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        while (this.#pieces.length === 0) {
          this.#arrived = Promise.withResolvers()
          await this.#arrived.promise
        }
        const piece = this.#pieces.shift()
        if (piece === undefined) return
        yield piece
      }
    } finally {
      this.#over.resolve()
    }
  }
}

class Race implements AsyncDisposable {
  readonly main = new Body()
  readonly early = new Body()
  readonly rest = new Body()
  readonly fill: Fill
  readonly folder: string
  readonly ranges: ({ start: number; end?: number } | undefined)[] = []
  readonly #temp = new TempFolder('early')
  readonly #hasher = startHasher(1)

  constructor() {
    this.folder = this.#temp.join('data')
    const layout = layoutOf(this.folder)
    for (const each of [layout.staging, layout.blobs]) mkdirSync(each, { recursive: true })
    const digest = parseDigest(blob.digest) as Digest
    const bodies = [this.main, this.early, this.rest]
    this.fill = new Fill({
      digest,
      repository: { registry: 'docker.io', name: parseRepositoryName('app') as never },
      expectedBytes: blob.size,
      segments: 1,
      abandoned: 'finish',
      hasher: this.#hasher,
      pace: new Pace(),
      stage: () => stageBlob(layout, digest),
      stagedBytes: () => Promise.resolve(0),
      open: async (range) => {
        const index = this.ranges.push(range) - 1
        const body = bodies[index]
        assert.ok(body, `request ${index} for ${JSON.stringify(range)}`)
        return {
          start: range?.start ?? 0,
          isPart: range !== undefined,
          totalBytes: blob.size,
          body: body.read(),
          abort: () => {},
          distrust: () => false,
          isAnonymous: true,
          isOrigin: true,
        }
      },
      room: new ScriptedRoom(),
      published: async () => {},
      passed: () => {},
    })
  }

  // Readers of the whole and of the window; upstream was asked for both when it resolves.
  async begin(): Promise<void> {
    assert.equal(await this.fill.answerable, true)
    const whole = this.fill.follow()
    this.main.give(blob.bytes.subarray(0, MIB))
    await whole.arrived(0)
    const window = this.fill.followWindow(WINDOW)
    whole.release()
    window.release()
    while (this.ranges.length < 2) await turn()
    assert.deepEqual(this.ranges, [undefined, { start: WINDOW.start, end: WINDOW.end - 1 }])
  }

  // Resolves once readers may have what is before this offset.
  async has(offset: number): Promise<void> {
    const source = this.fill.followWindow({ start: offset - 1, end: offset })
    await source.arrived(offset - 1)
    source.release()
  }

  assertPublished(): void {
    assert.deepEqual(publishedDigests(this.folder), [blob.digest])
    assert.equal(sha256(readFileSync(publishedPath(this.folder, blob.digest))), blob.digest)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const body of [this.main, this.early, this.rest]) body.end()
    await this.fill.park()
    await this.#hasher.close()
    checkStore(this.folder, new Map())
    await this.#temp.close()
  }
}

function wrong(start: number, end: number): Buffer {
  return Buffer.from(blob.bytes.subarray(start, end).map((byte) => byte ^ 0xff))
}

test('a body of an early range that comes after the download has passed it writes nothing', async () => {
  await using race = new Race()
  await race.begin()
  race.main.give(blob.bytes.subarray(MIB, 22 * MIB))
  await race.has(22 * MIB)
  race.early.give(wrong(WINDOW.start, WINDOW.end))
  race.early.end()
  await race.early.over
  race.main.give(blob.bytes.subarray(22 * MIB))
  race.main.end()
  assert.deepEqual(await race.fill.ended, { how: 'published' })
  race.assertPublished()
})

test('what an early range brought is not written again by a download that runs into it', async () => {
  await using race = new Race()
  await race.begin()
  race.early.give(blob.bytes.subarray(WINDOW.start, WINDOW.end))
  race.early.end()
  await race.early.over
  await race.has(WINDOW.end)
  race.main.give(blob.bytes.subarray(MIB, WINDOW.start - 1000))
  await race.has(WINDOW.start - 1000)
  // One piece with the last bytes before the window and other ones than came early.
  const before = blob.bytes.subarray(WINDOW.start - 1000, WINDOW.start)
  race.main.give(Buffer.concat([before, wrong(WINDOW.start, WINDOW.start + 1000)]))
  race.rest.give(blob.bytes.subarray(WINDOW.end))
  race.rest.end()
  assert.deepEqual(await race.fill.ended, { how: 'published' })
  assert.deepEqual(race.ranges.at(-1), { start: WINDOW.end, end: blob.size - 1 })
  race.assertPublished()
})

test('wrong bytes of an early range are never published', async () => {
  await using race = new Race()
  await race.begin()
  race.early.give(wrong(WINDOW.start, WINDOW.end))
  race.early.end()
  await race.has(WINDOW.end)
  race.main.give(blob.bytes.subarray(MIB))
  race.rest.give(blob.bytes.subarray(WINDOW.end))
  race.rest.end()
  assert.equal((await race.fill.ended).how, 'failed')
  assert.deepEqual(publishedDigests(race.folder), [])
})
