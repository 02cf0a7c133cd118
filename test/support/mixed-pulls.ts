// Clients that go on pulling whatever happens to their mirror: whole blobs, parts of blobs, HEADs and
// images, over several registries. What they get is compared with what it should be, byte for byte;
// an answer that breaks off is no fault here, a wrong or short one that ends well is.
import assert from 'node:assert/strict'
import type { RegMirror } from './binary.ts'
import { readAll, seededContent } from './content.ts'
import type { Content } from './content.ts'
import { buildImage } from './images.ts'
import { rawRequest } from './raw-http.ts'
import type { ScriptedUpstream } from './scripted-upstream.ts'
import { Skopeo } from './skopeo.ts'
import { waitUntil } from './wait-until.ts'

const MIB = 2 ** 20
const REPOSITORY = 'team/app'
const SIZES_MIB = [1, 2, 3, 5, 8, 13, 21, 34, 60]
const ON_OFFER = 3
// A bounded range longer than this waits for the download like every other reader.
const RANGE_MIN_BYTES = 5 * MIB

type Random = (below: number) => number

export interface MixedPullsOptions {
  readonly upstreams: Readonly<Record<string, ScriptedUpstream>> // by registry
  readonly mirror: RegMirror
  readonly seed: number
  readonly sizesMiB?: readonly number[] // of the blobs
  readonly onOffer?: number // blobs of each registry that are not whole yet
}

export class MixedPulls {
  readonly contents = new Map<string, Content>()
  verifiedBytes = 0
  wholeBlobs = 0
  images = 0
  failure: Error | undefined
  readonly #options: MixedPullsOptions
  readonly #random: Random
  readonly #offers = new Map<string, Content[]>()
  readonly #whole: { readonly registry: string; readonly content: Content }[] = []
  #made = 0
  #imageTags = 0
  #up = Promise.withResolvers<void>()
  #isOver = false
  #clients: Promise<unknown> | undefined

  constructor(options: MixedPullsOptions) {
    this.#options = options
    this.#random = seededRandom(options.seed)
    for (const registry of Object.keys(options.upstreams)) {
      this.#offers.set(registry, [])
      for (let n = 0; n < (options.onOffer ?? ON_OFFER); n += 1) this.#offer(registry)
    }
  }

  // Eight at a time.
  start(): void {
    this.mirrorIsUp()
    const pulls = [
      () => this.#pullImage(),
      () => this.#pullImage(),
      () => this.#pullWhole(),
      () => this.#pullWhole(),
      () => this.#pullWhole(),
      () => this.#pullPart(),
      () => this.#pullPart(),
      () => this.#head(),
    ]
    this.#clients = Promise.all(pulls.map((pull) => this.#repeat(pull)))
  }

  mirrorIsUp(): void {
    this.#up.resolve()
  }

  mirrorIsDown(): void {
    this.#up = Promise.withResolvers()
  }

  // Counted in what came and not in time, so that a busy machine changes nothing.
  async until(what: string, hasCome: () => boolean): Promise<void> {
    await waitUntil(() => this.failure !== undefined || hasCome(), {
      what,
      timeoutMs: 60_000,
      everyMs: 2,
    })
    if (this.failure) throw this.failure
  }

  // All that is on offer is pulled to its end.
  async finish(): Promise<void> {
    this.#isOver = true
    await this.#clients
    for (const [registry, offers] of this.#offers) {
      for (const content of [...offers]) {
        assert.ok(await this.#pull(registry, content), `${content.digest} broke off`)
      }
    }
    if (this.failure) throw this.failure
  }

  async #repeat(pull: () => Promise<void>): Promise<void> {
    while (!this.#isOver && !this.failure) {
      await this.#up.promise
      await pull().catch((error: unknown) => (this.failure ??= error as Error))
    }
  }

  async #pullWhole(): Promise<void> {
    const { registry, content } = this.#choose()
    await this.#pull(registry, content)
  }

  async #pull(registry: string, content: Content): Promise<boolean> {
    const isWhole = await this.#take(registry, content, undefined)
    const offers = this.#offers.get(registry) ?? []
    if (isWhole && offers.includes(content)) {
      offers.splice(offers.indexOf(content), 1)
      this.#whole.push({ registry, content })
      this.wholeBlobs += 1
      if (!this.#isOver) this.#offer(registry)
    }
    return isWhole
  }

  async #pullPart(): Promise<void> {
    const { registry, content } = this.#choose()
    const start = this.#random(content.size)
    const isBounded = start + RANGE_MIN_BYTES < content.size && this.#random(2) === 0
    const end = isBounded ? start + RANGE_MIN_BYTES : undefined
    await this.#take(registry, content, { start, end })
  }

  async #head(): Promise<void> {
    const { registry, content } = this.#choose()
    const response = await this.#request(registry, content, 'HEAD', {})
    if (!response) return
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-length'), String(content.size))
    response.leave()
  }

  async #pullImage(): Promise<void> {
    const { upstreams, mirror } = this.#options
    const names = Object.keys(upstreams)
    const registry = names[this.#random(names.length)] ?? ''
    const isNew = this.#imageTags === 0 || this.#random(3) > 0
    const tag = `t${isNew ? (this.#imageTags += 1) : this.#random(this.#imageTags) + 1}`
    const image = buildImage({ seed: tag, form: 'oci', bigLayers: 1, bigLayerMiB: 2 })
    for (const [digest, content] of image.blobs) this.contents.set(digest, content)
    upstreams[registry]?.addImage(REPOSITORY, tag, image)
    await using skopeo = await Skopeo.start({ url: mirror.url })
    const digest = await skopeo.pull(`${registry}/${REPOSITORY}:${tag}`).catch(() => undefined)
    if (digest === undefined) return
    assert.equal(digest, image.top.digest)
    this.images += 1
  }

  // True when all that was asked for came, and ended as it should.
  async #take(
    registry: string,
    content: Content,
    range: { start: number; end: number | undefined } | undefined,
  ): Promise<boolean> {
    const { start = 0, end = content.size } = range ?? {}
    const headers = range ? { range: `bytes=${start}-${range.end ? range.end - 1 : ''}` } : {}
    const response = await this.#request(registry, content, 'GET', headers)
    if (!response) return false
    assert.equal(response.status, range ? 206 : 200)
    let position = start
    const { ending } = await response.take({
      onChunk: (chunk) => {
        const expected = readAll(content, position, position + chunk.length)
        assert.ok(chunk.equals(expected), `wrong bytes at ${position} of ${content.digest}`)
        position += chunk.length
        this.verifiedBytes += chunk.length
      },
    })
    assert.notEqual(ending, 'left')
    if (ending === 'complete') assert.equal(position, end, `${content.digest} ended short`)
    return ending === 'complete'
  }

  // Undefined where there is no mirror to ask.
  async #request(
    registry: string,
    content: Content,
    method: string,
    headers: Readonly<Record<string, string>>,
  ) {
    const url = this.#options.mirror.blobUrl(registry, REPOSITORY, content.digest)
    return await rawRequest(url, { method, headers }).catch(() => undefined)
  }

  // One that is not whole, or now and then one that is.
  #choose(): { readonly registry: string; readonly content: Content } {
    const stored = this.#random(4) === 0 ? this.#whole[this.#random(this.#whole.length)] : undefined
    if (stored) return stored
    const all = [...this.#offers].flatMap(([registry, offers]) =>
      offers.map((content) => ({ registry, content })),
    )
    const chosen = all[this.#random(all.length)]
    if (!chosen) throw new Error('nothing is on offer')
    return chosen
  }

  #offer(registry: string): void {
    const { sizesMiB = SIZES_MIB } = this.#options
    const mebibytes = sizesMiB[this.#random(sizesMiB.length)] ?? 1
    const size = mebibytes * MIB + this.#random(MIB)
    const content = seededContent(`${this.#options.seed} ${(this.#made += 1)}`, size)
    this.contents.set(content.digest, content)
    this.#offers.get(registry)?.push(content)
    this.#options.upstreams[registry]?.addBlob(REPOSITORY, content)
  }
}

export function seededRandom(seed: number): Random {
  // Mulberry32: small, and the same everywhere.
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}
