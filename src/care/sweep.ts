// `gc`: what nobody needs any more is removed on demand, or only listed.

import type { Digest } from '../oci/digest.ts'
import type { IndexReader, VictimImage } from '../store/reader-port.ts'
import { addTo, IMAGE_GRACE_MS, nothing, ORPHAN_GRACE_MS, SLICE_ROWS } from './evictor.ts'
import type { Gone } from './events.ts'
import type { GcAnswer, Jobs, Talk, VictimRow } from './jobs.ts'
import { PARKED_KEPT_MS } from './room.ts'
import type { Outlook, StoreRoom } from './room.ts'

export interface SweepOptions {
  readonly room: StoreRoom
  readonly reader: IndexReader
  /** What lists keep whose files are no longer there has left them. */
  readonly leaveGoneLists: () => Promise<void>
  /** Undefined: an image that no tag points to is kept for ever. */
  readonly keepUntaggedMs: number | undefined
  readonly now: () => number
}

export function gcJob(options: SweepOptions): Jobs['gc'] {
  return async ({ isPlan }, talk) => {
    if (isPlan) return await planned(options, talk)
    // On a disk that is full it may fail, and room is what this is to make.
    await options.leaveGoneLists().catch(() => undefined)
    return await swept(options, talk)
  }
}

async function swept(options: SweepOptions, talk: Talk<VictimRow>): Promise<GcAnswer> {
  const { room, keepUntaggedMs, now } = options
  const { evictor } = room
  const gone = nothing()
  const onGone = (each: Gone): void => {
    addTo(gone, each)
    const done = gone.freedBytes
    talk.progress({ what: 'removing', done, total: undefined, unit: 'bytes' })
  }
  const run = (steps: Parameters<StoreRoom['runSteps']>[0]): Promise<void> =>
    room.runSteps(steps, onGone, talk.signal)
  for await (const each of evictor.withoutBroken()) onGone(each.gone)
  await run(evictor.parked(now() - PARKED_KEPT_MS))
  if (keepUntaggedMs !== undefined) await run(evictor.untagged(now() - keepUntaggedMs))
  await run(evictor.orphans(now() - ORPHAN_GRACE_MS, Infinity))
  if ((await room.excessBytes()) > 0) await run(room.excess())
  const { images, blobs, downloads, quarantined, freedBytes } = gone
  const left = talk.signal.aborted ? 0 : await room.excessBytes()
  return { images, blobs, downloads, quarantined, freedBytes, stillTooMuchBytes: Math.max(0, left) }
}

const COUNTED = {
  image: 'images',
  blob: 'blobs',
  download: 'downloads',
  quarantined: 'quarantined',
} as const satisfies Record<VictimRow['kind'], keyof GcAnswer>

/** In the order in which it would go. */
async function planned(options: SweepOptions, talk: Talk<VictimRow>): Promise<GcAnswer> {
  const found = { images: 0, blobs: 0, downloads: 0, quarantined: 0, freedBytes: 0 }
  const outlook = await options.room.outlook()
  const plan = new Plan(options, outlook)
  for await (const rows of plan.victims()) {
    for (const { kind, bytes } of rows) {
      found[COUNTED[kind]] += 1
      found.freedBytes += bytes
    }
    if (rows.length > 0) await talk.rows(rows)
    const done = found.images + found.blobs + found.downloads
    talk.progress({ what: 'looking', done, total: undefined, unit: 'blobs' })
    if (talk.signal.aborted) break
  }
  const left = talk.signal.aborted ? 0 : outlook.excessBytes - found.freedBytes
  return { ...found, stillTooMuchBytes: Math.max(0, left) }
}

type Rows = AsyncGenerator<readonly VictimRow[]>

/** By the same rules as StoreRoom.excess(). */
class Plan {
  readonly #options: SweepOptions
  readonly #outlook: Outlook
  readonly #named = new Set<string>()
  #freedBytes = 0

  constructor(options: SweepOptions, outlook: Outlook) {
    this.#options = options
    this.#outlook = outlook
  }

  async *victims(): Rows {
    const { keepUntaggedMs, now } = this.#options
    yield await this.#broken()
    yield this.#parked(now() - PARKED_KEPT_MS, Infinity)
    if (keepUntaggedMs !== undefined) yield* this.#untagged(now() - keepUntaggedMs)
    yield* this.#orphans(now() - ORPHAN_GRACE_MS, Infinity)
    yield* this.#tooMuch()
  }

  /** What nobody misses, then images; only for want of the store's own limit what was used just now. */
  async *#tooMuch(): Rows {
    const { excessBytes, overSizeBytes } = this.#outlook
    yield this.#parked(Infinity, excessBytes)
    yield this.#quarantined(excessBytes)
    yield* this.#images(this.#options.now() - IMAGE_GRACE_MS, excessBytes)
    if (this.#freedBytes >= overSizeBytes) return
    yield* this.#orphans(Number.MAX_SAFE_INTEGER, overSizeBytes)
    yield* this.#images(Number.MAX_SAFE_INTEGER, overSizeBytes)
  }

  #parked(before: number, enoughBytes: number): readonly VictimRow[] {
    const because = (changedAt: number): string =>
      enoughBytes === Infinity
        ? `nobody has resumed it since ${dayOf(changedAt)}`
        : 'more is stored than allowed, and nobody waits for it'
    return this.#taken(
      this.#options.room.parkedBefore(before).map(({ name, diskBytes, changedAt }) => ({
        kind: 'download',
        name,
        bytes: diskBytes,
        because: because(changedAt),
      })),
      enoughBytes,
    )
  }

  async #broken(): Promise<readonly VictimRow[]> {
    const because = 'it broke off, and cannot be resumed'
    const rows: VictimRow[] = []
    for await (const { name, diskBytes } of this.#options.room.evictor.broken()) {
      rows.push({ kind: 'download', name, bytes: diskBytes, because })
    }
    return this.#taken(rows, Infinity)
  }

  #quarantined(enoughBytes: number): readonly VictimRow[] {
    const files = this.#outlook.quarantined.toSorted((a, b) => a.changedAt - b.changedAt)
    return this.#taken(
      files.map(({ name, diskBytes }) => ({
        kind: 'quarantined',
        name,
        bytes: diskBytes,
        because: 'more is stored than allowed, and it is damaged',
      })),
      enoughBytes,
    )
  }

  async *#untagged(before: number): Rows {
    const { reader } = this.#options
    for (let after = ''; ;) {
      const images = await reader.untaggedImages(before, after, this.#outlook.inUse)
      const rows = images.map((image) =>
        rowOf(
          image,
          `no tag points to it, and nobody has used it since ${dayOf(image.cursor.lastUse)}`,
        ),
      )
      for (const { digest } of images) this.#named.add(digest)
      yield this.#taken(rows, Infinity)
      const last = images.at(-1)
      if (!last) return
      after = last.digest
    }
  }

  async *#orphans(before: number, enoughBytes: number): Rows {
    const { reader } = this.#options
    const inUse = new Set(this.#outlook.inUse)
    for (
      let after: number | undefined = 0;
      after !== undefined && this.#freedBytes < enoughBytes;
    ) {
      const slice = await reader.orphans(after, SLICE_ROWS, before)
      after = slice.next
      const free = slice.orphans.filter(({ digest }) => !inUse.has(digest))
      const rows = free.map(({ digest, sizeBytes }) => ({
        kind: 'blob' as const,
        name: digest,
        bytes: sizeBytes,
        because: 'no image needs it',
      }))
      yield this.#taken(rows, enoughBytes)
    }
  }

  /** A layer that only these images share is counted with none of them: perhaps fewer will go. */
  async *#images(before: number, enoughBytes: number): Rows {
    const { reader } = this.#options
    const isGrace = before < Number.MAX_SAFE_INTEGER
    const spared = new Set(isGrace ? await reader.imagesNaming(this.#outlook.filling) : [])
    if (this.#freedBytes >= enoughBytes) return
    for await (const image of byLastUse(reader, this.#outlook.inUse)) {
      if (image.lastUse >= before) return
      if (spared.has(image.digest) || this.#named.has(image.digest)) continue
      this.#named.add(image.digest)
      const because = `more is stored than allowed, and its last use was on ${dayOf(image.lastUse)}`
      yield this.#taken([rowOf(image, because)], enoughBytes)
      if (this.#freedBytes >= enoughBytes) return
    }
  }

  /** As many of them as are enough; none twice. */
  #taken(rows: readonly VictimRow[], enoughBytes: number): readonly VictimRow[] {
    return rows.filter(({ kind, name, bytes }) => {
      if (this.#freedBytes >= enoughBytes) return false
      // Images can share a name, and were looked at by their digests.
      if (kind !== 'image' && this.#named.has(name)) return false
      if (kind !== 'image') this.#named.add(name)
      this.#freedBytes += bytes
      return true
    })
  }
}

/** Where a tag has nothing else to fall back on, an image counts as used whenever the tag was. */
async function* byLastUse(
  reader: IndexReader,
  inUse: readonly Digest[],
): AsyncGenerator<VictimImage> {
  let waiting: VictimImage[] = []
  const due = (at: number): VictimImage[] => {
    const found = waiting.filter(({ lastUse }) => lastUse < at)
    waiting = waiting.filter(({ lastUse }) => lastUse >= at)
    return found.toSorted((a, b) => a.lastUse - b.lastUse)
  }
  for (let after = { lastUse: 0, row: -1 }; ;) {
    const images = await reader.imagesByUse(after, inUse)
    for (const image of images) {
      yield* due(image.cursor.lastUse)
      if (image.lastUse === image.cursor.lastUse) yield image
      else waiting.push(image)
    }
    const last = images.at(-1)
    if (!last) break
    after = last.cursor
  }
  yield* due(Infinity)
}

function rowOf({ name, ownBytes }: VictimImage, because: string): VictimRow {
  return { kind: 'image', name, bytes: ownBytes, because }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
