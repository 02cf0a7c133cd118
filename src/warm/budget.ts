// How much lists may keep of the store, and which images are left for it.

import type { WarmPrice } from '../care/warm-job.ts'
import type { Pinnable } from '../care/room-port.ts'
import { formatBytes } from '../lib/units.ts'
import { isForeignLayer } from '../oci/media-type.ts'
import { repositoryKey } from '../oci/name.ts'
import type { LeftPin } from '../store/index-port.ts'
import type { Why } from './causes.ts'
import { end } from './context.ts'
import type { RunContext } from './context.ts'
import type { Image } from './image.ts'
import { byPriority } from './image-order.ts'
import { KeptNames } from './kept-names.ts'
import { pinOf } from './list-pins.ts'
import type { KeptBy } from './list-pins.ts'

const DISK_BLOCK_BYTES = 4096

interface Open extends Omit<Pinnable, 'kept'> {
  readonly names: KeptNames
}

export interface PinBudgetOptions {
  /** What the lists of the run mean no more. */
  readonly releases: () => readonly KeptBy[]
  /** Those of the run that are still to be fetched. */
  readonly awaited: () => readonly Image[]
  /** What has left its list is not kept for the rest of its time. */
  readonly endLeft: (pins: readonly LeftPin[]) => Promise<void>
}

/** Of one run. What its lists kept before is looked up once, and then added up. */
export class PinBudget {
  readonly #context: RunContext
  readonly #options: PinBudgetOptions
  /** Those that are to be kept after the run, by what was decided. */
  readonly #taken = new Set<Image>()
  #opened: Promise<Open | undefined> | undefined
  #turn: Promise<unknown> = Promise.resolve()

  constructor(context: RunContext, options: PinBudgetOptions) {
    this.#context = context
    this.#options = options
  }

  /** What lists would keep after the run, as far as that is known; and what to say where it is too much. */
  async keptAfter(
    images: readonly Image[],
  ): Promise<
    Pick<WarmPrice, 'pinnableBytes' | 'pinnedBytes'> & { readonly warning: string | undefined }
  > {
    const kept = images.filter(isKept)
    const open = kept.length > 0 ? await this.#open() : undefined
    if (!open) return { pinnableBytes: undefined, pinnedBytes: undefined, warning: undefined }
    const { names, maxBytes, share, remedy } = open
    const known = kept.filter(isKnown)
    for (const image of known) take(names, image)
    const { bytes } = names
    for (const image of known) names.giveBack(pinOf(image.wanted))
    const want = `the lists want to keep ${formatBytes(bytes)}`
    const may = `may keep ${formatBytes(maxBytes)} (${share})`
    const warning = bytes > maxBytes ? `${want} and ${may}: ${remedy}` : undefined
    return { pinnableBytes: maxBytes, pinnedBytes: bytes, warning }
  }

  /**
   * Of images whose manifests are held those are left that are too much, in order of priority, then as
   * listed: a smaller one behind them may fit still. What is kept already stays until it is replaced, and
   * what has left its list goes before anything is left.
   */
  async leaveTooMuch(images: readonly Image[]): Promise<void> {
    const turn = this.#turn.then(() => this.#tooMuch(images))
    this.#turn = turn.catch(() => undefined)
    for (const { image, why } of await turn) {
      if (image.status !== 'fresh') end(this.#context, image, 'left', why)
      else {
        image.why = why
        image.warnings.push('it may make room for others, as lists may keep no more')
      }
    }
  }

  async #tooMuch(images: readonly Image[]): Promise<readonly TooMuch[]> {
    const asking = images.filter((image) => isKept(image) && !this.#isDecided(image))
    const open = asking.length > 0 ? await this.#open() : undefined
    if (!open) {
      // They come, whatever is found out later.
      for (const image of asking) if (image.status !== 'fresh') this.#taken.add(image)
      return []
    }
    const { names, maxBytes } = open
    this.#giveBack(names)
    const found: TooMuch[] = []
    for (const image of byPriority(asking)) {
      const bytes = take(names, image)
      if (bytes > 0 && names.bytes > maxBytes) {
        names.giveBack(pinOf(image.wanted))
        found.push({ image, why: whyLeft(open, bytes) })
      } else this.#taken.add(image)
    }
    const awaited = new Set(
      this.#options.awaited().map(({ wanted }) => repositoryKey(wanted.repository)),
    )
    const gone = names.makeWay(maxBytes, (repository) => awaited.has(repositoryKey(repository)))
    if (gone.length > 0) await this.#options.endLeft(gone)
    return found
  }

  #isDecided(image: Image): boolean {
    return this.#taken.has(image) || image.why?.cause === 'budget'
  }

  /** Of what was to be kept and did not come. */
  #giveBack(names: KeptNames): void {
    for (const image of this.#taken) {
      if (isKept(image) && image.status !== 'left') continue
      this.#taken.delete(image)
      names.giveBack(pinOf(image.wanted))
    }
  }

  #open(): Promise<Open | undefined> {
    if (this.#opened) return this.#opened
    const opened = this.#look()
    this.#opened = opened
    // It may have failed: the next one who asks looks again.
    const forget = (): void => void (this.#opened = undefined)
    opened.then((open) => open ?? forget(), forget)
    return opened
  }

  async #look(): Promise<Open | undefined> {
    const pinnable = await this.#context.mirror.pinnable()
    if (!pinnable) return undefined
    const { kept, ...limits } = pinnable
    const names = new KeptNames(kept, this.#options.releases())
    for (const image of this.#taken) take(names, image)
    return { ...limits, names }
  }
}

interface TooMuch {
  readonly image: Image
  readonly why: Why
}

function isKept({ wanted, status, passedOver }: Image): boolean {
  return wanted.pinnedBy.size > 0 && status !== 'failed' && passedOver === undefined
}

/** What it will be is told by its manifests; until then it counts as what is kept of it. */
function isKnown({ holding }: Image): boolean {
  return holding !== undefined && holding.missingManifests.length === 0
}

/** A name keeps all that clients got of an image, not only what its list wants of it. */
function take(names: KeptNames, { wanted, holding, digest, digestBefore }: Image): number {
  const name = pinOf(wanted)
  const isMoved = 'tag' in name.reference && digest !== digestBefore
  const blobs = holding?.blobs ?? []
  const stored = blobs.filter(({ mediaType }) => !isForeignLayer(mediaType))
  const content = new Map(stored.map((blob) => [blob.digest, blocksOf(blob.sizeBytes)]))
  return names.take(name, content, isMoved ? 'instead' : 'beside')
}

function blocksOf(bytes: number): number {
  return Math.ceil(bytes / DISK_BLOCK_BYTES) * DISK_BLOCK_BYTES
}

function whyLeft({ maxBytes, share, remedy }: Open, bytes: number): Why {
  const may = `lists may keep ${formatBytes(maxBytes)} (${share})`
  return { cause: 'budget', because: `${may}, and its ${formatBytes(bytes)} are more`, remedy }
}
