// How much lists may keep of the store, and which images are left for it.

import type { WarmPrice } from '../care/warm-job.ts'
import type { Pinnable } from '../care/room-port.ts'
import { formatBytes } from '../lib/units.ts'
import type { WarmMirror } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import type { Why } from './causes.ts'
import { end } from './context.ts'
import type { RunContext } from './context.ts'
import type { Image } from './image.ts'
import { byPriority } from './image-order.ts'

type Asking = Pick<WarmMirror, 'pinnable'>

/** What lists would keep after the run, as far as that is known; and what to say where it is too much. */
export async function keptAfter(
  mirror: Asking,
  images: readonly Image[],
): Promise<
  Pick<WarmPrice, 'pinnableBytes' | 'pinnedBytes'> & { readonly warning: string | undefined }
> {
  const kept = images.filter(isKept)
  const pinnable = kept.length > 0 ? await mirror.pinnable(contentsOf(kept)) : undefined
  if (!pinnable) return { pinnableBytes: undefined, pinnedBytes: undefined, warning: undefined }
  const { maxBytes, pinnedBytes, share, remedy } = pinnable
  const added = new Added(pinnable.pinned)
  for (const image of kept) added.take(image)
  const wantedBytes = pinnedBytes + added.bytes
  const want = `the lists want to keep ${formatBytes(wantedBytes)}`
  const may = `may keep ${formatBytes(maxBytes)} (${share})`
  const warning = wantedBytes > maxBytes ? `${want} and ${may}: ${remedy}` : undefined
  return { pinnableBytes: maxBytes, pinnedBytes: wantedBytes, warning }
}

/** Of one run: what its lists kept before counts once, whichever images name it. */
export class PinBudget {
  readonly #context: RunContext
  readonly #added = new Added()
  #turn: Promise<unknown> = Promise.resolve()
  /** Before this run. */
  #pinnedBytes: number | undefined

  constructor(context: RunContext) {
    this.#context = context
  }

  /**
   * Of images whose manifests are held those are left that are too much, in order of priority, then as
   * listed: a smaller one behind them may fit still. What is kept already stays.
   */
  async leaveTooMuch(images: readonly Image[]): Promise<void> {
    const turn = this.#turn.then(() => this.#tooMuch(images.filter(isKept)))
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
    if (images.length === 0) return []
    const pinnable = await this.#context.mirror.pinnable(contentsOf(images))
    if (!pinnable) return []
    this.#pinnedBytes ??= pinnable.pinnedBytes
    this.#added.know(pinnable.pinned)
    const room = pinnable.maxBytes - this.#pinnedBytes
    const found: TooMuch[] = []
    for (const image of byPriority(images)) {
      const bytes = this.#added.bytesOf(image)
      if (bytes > 0 && this.#added.bytes + bytes > room) {
        found.push({ image, why: whyLeft(pinnable, bytes) })
      } else this.#added.take(image)
    }
    return found
  }
}

interface TooMuch {
  readonly image: Image
  readonly why: Why
}

/** Content that comes to what is kept, each once. */
class Added {
  readonly #known: Set<Digest>
  bytes = 0

  constructor(pinned: ReadonlySet<Digest> = new Set()) {
    this.#known = new Set(pinned)
  }

  know(pinned: ReadonlySet<Digest>): void {
    for (const digest of pinned) this.#known.add(digest)
  }

  bytesOf({ holding }: Image): number {
    const blobs = holding?.blobs.filter(({ digest }) => !this.#known.has(digest)) ?? []
    return blobs.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  }

  take(image: Image): void {
    this.bytes += this.bytesOf(image)
    for (const { digest } of image.holding?.blobs ?? []) this.#known.add(digest)
  }
}

function isKept({ wanted, status, passedOver }: Image): boolean {
  return wanted.pinnedBy.length > 0 && status !== 'failed' && passedOver === undefined
}

function contentsOf(images: readonly Image[]): readonly Digest[] {
  const all = images.flatMap(({ holding }) => holding?.blobs ?? [])
  return [...new Set(all.map(({ digest }) => digest))]
}

function whyLeft({ maxBytes, share, remedy }: Pinnable, bytes: number): Why {
  const may = `lists may keep ${formatBytes(maxBytes)} (${share})`
  return { cause: 'budget', because: `${may}, and its ${formatBytes(bytes)} are more`, remedy }
}
