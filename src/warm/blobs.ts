// The blobs of all images of a run: what is shared once and first, then image by image.

import pLimit from 'p-limit'
import { IntegrityError, UpstreamError } from '../errors.ts'
import { repositoryKey } from '../oci/name.ts'
import type { Cap } from '../mirror/pace.ts'
import type { Descriptor } from '../oci/manifest.ts'
import { blobOrder } from './blob-order.ts'
import { Lacking } from './causes.ts'
import { giveUp, registryOf } from './context.ts'
import type { RunContext } from './context.ts'
import type { Image } from './image.ts'
import { PRIORITIES } from './wanted.ts'

/** Of all registries together: an image's own layers are downloaded two at a time. */
const DOWNLOADS_PER_JOB = 2

export interface BlobFetchingOptions {
  /** Images of one registry at once, of the one that takes most: the pause of one is no other's. */
  readonly jobs: number
  /** Of all downloads of the run together. */
  readonly cap: Cap | undefined
  readonly wasLeft: (image: Image) => boolean
  /** All its blobs are there. */
  readonly finish: (image: Image) => Promise<void>
}

/** Of one turn, by repository and digest: what failed is tried again in the next. */
type Stored = Map<string, Promise<void>>

export class BlobFetching {
  readonly #context: RunContext
  readonly #options: BlobFetchingOptions
  readonly #downloads: ReturnType<typeof pLimit>
  /** The last of each digest of a registry: another repository of the same content waits for it. */
  readonly #latest = new Map<string, Promise<void>>()

  constructor(context: RunContext, options: BlobFetchingOptions) {
    this.#context = context
    this.#options = options
    this.#downloads = pLimit(DOWNLOADS_PER_JOB * options.jobs)
  }

  /** Of images of one registry: nothing of a lower priority is begun before all of a higher one ended. */
  async fetch(images: readonly Image[]): Promise<void> {
    const stored: Stored = new Map()
    this.#context.board.expect(bytesOf(images.flatMap(missingOf)))
    for (const priority of PRIORITIES) {
      await this.#fetchAlike(
        images.filter(({ wanted }) => wanted.priority === priority),
        stored,
      )
    }
  }

  async #fetchAlike(images: readonly Image[], stored: Stored): Promise<void> {
    const [example] = images
    if (!example) return
    const needing = images.map((image) => ({
      image,
      blobs: missingOf(image),
      manifest: image.digest,
      isFirst: this.#options.wasLeft(image),
    }))
    const order = blobOrder<Descriptor, (typeof needing)[number]>(needing)
    // Those that need it tell of its failure.
    for (const { blob, first } of order.shared)
      this.#store(first.image, blob, stored).catch(nothing)
    const inTurn = pLimit(registryOf(this.#context, example).jobs)
    await Promise.all(
      order.images.map(({ image, blobs }) => inTurn(() => this.#fill(image, blobs, stored))),
    )
  }

  async #fill(image: Image, blobs: readonly Descriptor[], known: Stored): Promise<void> {
    const { board } = this.#context
    board.takeOff(image, bytesOf(blobs))
    try {
      const stored = await Promise.allSettled(
        blobs.map(async (blob) => {
          await this.#store(image, blob, known)
          board.stored(image, blob.sizeBytes)
        }),
      )
      for (const each of stored) if (each.status === 'rejected') throw each.reason
      await this.#options.finish(image)
    } catch (error) {
      giveUp(this.#context, image, error)
    } finally {
      board.landed(image)
    }
  }

  #store(image: Image, blob: Descriptor, known: Stored): Promise<void> {
    const key = `${repositoryKey(image.wanted.repository)}@${blob.digest}`
    const running = known.get(key)
    if (running) return running
    const content = `${image.registry} ${blob.digest}`
    const before = this.#latest.get(content) ?? Promise.resolve()
    const stored = before.catch(nothing).then(() => this.#download(image, blob))
    known.set(key, stored)
    this.#latest.set(content, stored)
    return stored
  }

  async #download(image: Image, blob: Descriptor): Promise<void> {
    const { mirror, board, ending } = this.#context
    const { signal } = ending
    const { cap } = this.#options
    const store = () =>
      registryOf(this.#context, image).ask(
        'blobs',
        (progressed) =>
          this.#downloads(() => {
            signal.throwIfAborted()
            const arrived = (bytes: number): void => {
              progressed()
              board.arrived(image, bytes)
            }
            return mirror.storeBlob(image.wanted.repository, blob, { signal, cap, arrived })
          }),
        signal,
        (tries) => (image.tries = Math.max(image.tries, tries)),
      )
    // The endpoint that sent something else is asked last from then on.
    const { how } = await store().catch((error: unknown) => {
      if (!(error instanceof IntegrityError)) throw error
      // Where there is no other, it is not asked again, and what it sent is what went wrong.
      return store().catch((again: unknown) => {
        throw again instanceof UpstreamError ? error : again
      })
    })
    if (how !== 'missing') return
    throw new Lacking('not-found', `upstream does not have its blob ${blob.digest}`)
  }
}

function missingOf({ holding }: Image): readonly Descriptor[] {
  return holding?.missingBlobs ?? []
}

function bytesOf(blobs: readonly Descriptor[]): number {
  const sizes = new Map(blobs.map(({ digest, sizeBytes }) => [digest, sizeBytes]))
  return [...sizes.values()].reduce((total, sizeBytes) => total + sizeBytes, 0)
}

function nothing(): void {}
