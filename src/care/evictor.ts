// What goes first when room is needed, in small steps: whoever needs the room takes as many as it needs.

import { basename } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { imageName } from '../oci/name.ts'
import type { BlobStore, KeptFile } from '../store/blob-store.ts'
import type { ImageCursor, ImageSlice, Index, Removed } from '../store/index-port.ts'
import { fileBytes } from './budget.ts'
import type { Gone } from './events.ts'
import type { Ledger } from './ledger.ts'

/** Content that no manifest names: its manifest may be about to come. */
export const ORPHAN_GRACE_MS = 3_600_000
/** An image that was used within this is probably being pulled still. */
export const IMAGE_GRACE_MS = 10 * 60_000
/** Rows looked at in one step: a few ms. */
export const SLICE_ROWS = 1000
/** In bytes: what is enough is reached with the first. */
const ONE_FILE = 1
/** As many as are told by name. */
const NAMES_MAX = 2
/** Steps in search of content that no manifest names, before images go; the next search goes on there. */
const SLICES_AT_A_TIME = 20

export interface EvictorOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly ledger: Ledger
  /** Last uses that the index has not been told yet. */
  readonly flushUses: () => Promise<void>
  readonly now: () => number
}

/** Each step yields what went by it. */
export type Steps = AsyncGenerator<Gone, void>

export class Evictor {
  readonly #options: EvictorOptions
  #orphansAfter = 0

  constructor(options: EvictorOptions) {
    this.#options = options
  }

  /** Before images are chosen: the index learns what was used, and which pins are over. */
  async prepare(): Promise<void> {
    const { index, flushUses, now } = this.#options
    await Promise.all([flushUses(), index.endPins(now())])
  }

  /** What nobody misses, then whole images by last use. */
  async *unused(): Steps {
    const { ledger, now } = this.#options
    yield* this.parked(Infinity)
    yield* this.#quarantined()
    yield* this.#someOrphans(now() - ORPHAN_GRACE_MS)
    await this.prepare()
    yield* this.#images(now() - IMAGE_GRACE_MS, () => ledger.filling)
  }

  /** What somebody may miss at once. */
  async *lastResort(): Steps {
    yield* this.orphans(Number.MAX_SAFE_INTEGER, ONE_FILE)
    yield* this.#images(Number.MAX_SAFE_INTEGER, () => [])
  }

  /** Downloads kept for resuming since before then, the oldest first. */
  async *parked(before: number): Steps {
    const { ledger } = this.#options
    for (;;) {
      const inUse = new Set(ledger.inUse)
      const oldest = [...ledger.parked.values()]
        .filter(({ name, changedAt }) => changedAt < before && !inUse.has(name))
        .toSorted((a, b) => a.changedAt - b.changedAt)[0]
      if (!oldest) return
      yield await this.#discard(oldest)
    }
  }

  /** What is left of downloads and cannot be resumed. */
  async *broken(): AsyncGenerator<KeptFile<Digest>, void> {
    const { ledger, store } = this.#options
    for (const file of await store.staged()) {
      if (ledger.inUse.includes(file.name)) continue
      // One that cannot be looked at is left until nobody would resume it anyway.
      if (await store.isResumable(file.name).catch(() => true)) continue
      yield file
    }
  }

  /** The same, removed. */
  async *withoutBroken(): AsyncGenerator<{ readonly digest: Digest; readonly gone: Gone }, void> {
    for await (const file of this.broken()) {
      // It may have been taken up again meanwhile.
      if (this.#options.ledger.inUse.includes(file.name)) continue
      yield { digest: file.name, gone: await this.#discard(file) }
    }
  }

  async #discard({ name: digest, diskBytes }: KeptFile<Digest>): Promise<Gone> {
    const { ledger, store } = this.#options
    ledger.parked.delete(digest)
    await this.#away([{ digest, bytes: diskBytes }], () => store.discardStaged(digest))
    return { ...nothing(), downloads: 1, freedBytes: diskBytes }
  }

  /** Images that no tag has pointed to, and nobody has used, since then. */
  async *untagged(before: number): Steps {
    const { index, ledger } = this.#options
    await this.prepare()
    for (let after = 0; ;) {
      const removed = await index.evictUntagged({ after, before, inUse: ledger.inUse })
      if (!removed) return
      after = removed.untaggedAt
      yield await this.unlink(removed)
    }
  }

  /** Content that no manifest names and nobody has used since then, so much of it at a time. */
  async *orphans(before: number, enoughBytes: number): Steps {
    for (let after: number | undefined = 0; after !== undefined;) {
      const slice = await this.#orphanSlice(after, before, enoughBytes)
      after = slice.next
      yield slice.gone
    }
  }

  /** The rows have gone; now the files go. */
  async unlink(removed: Removed): Promise<Gone> {
    const { manifests, blobs } = removed
    const files = blobs.map(({ digest, sizeBytes }) => ({ digest, bytes: fileBytes(sizeBytes) }))
    await this.#away(files, async ({ digest }) => {
      await this.#options.store.remove(digest)
      // Whoever found the file meanwhile may have made a row of it again.
      await this.#options.index.forgetBlob(digest)
    })
    const name = nameOf(removed)
    return {
      ...nothing(),
      images: manifests.length > 0 ? 1 : 0,
      names: name === undefined ? [] : [name],
      blobs: manifests.length > 0 ? 0 : blobs.length,
      freedBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  /** What of it may go, oldest first. An index that another is still made from is needed. */
  async quarantined(): Promise<readonly KeptFile<string>[]> {
    const { store, index } = this.#options
    const check = await index.pendingCheck()
    const from = check?.kind === 'rebuild' ? check.from : undefined
    const files = await store.quarantined()
    return files
      .filter(({ name }) => from === undefined || !name.startsWith(basename(from)))
      .toSorted((a, b) => a.changedAt - b.changedAt)
  }

  async *#quarantined(): Steps {
    const { store } = this.#options
    for (const { name, diskBytes } of await this.quarantined()) {
      await store.removeQuarantined(name)
      yield { ...nothing(), quarantined: 1, freedBytes: diskBytes }
    }
  }

  async *#someOrphans(before: number): Steps {
    for (let slices = 0; slices < SLICES_AT_A_TIME; slices += 1) {
      const slice = await this.#orphanSlice(this.#orphansAfter, before, ONE_FILE)
      this.#orphansAfter = slice.next ?? 0
      if (slice.gone.blobs > 0) yield slice.gone
      if (slice.next === undefined) return
    }
  }

  async #orphanSlice(
    after: number,
    before: number,
    enoughBytes: number,
  ): Promise<{ readonly gone: Gone; readonly next: number | undefined }> {
    const { index, ledger } = this.#options
    const ask = { after, scan: SLICE_ROWS, before, enoughBytes, inUse: ledger.inUse }
    const { removed, next } = await index.evictOrphans(ask)
    return { gone: await this.unlink(removed), next }
  }

  async *#images(before: number, spares: () => readonly Digest[]): Steps {
    const { index, ledger } = this.#options
    let after: ImageCursor | undefined
    do {
      const ask = { after, before, spares: spares(), inUse: ledger.inUse }
      const { removed, next }: ImageSlice = await index.evictImage(ask)
      after = next
      yield removed ? await this.unlink(removed) : nothing()
    } while (after)
  }

  /** From here until its file is gone, nobody takes the content for stored. */
  async #away<File extends { readonly digest: Digest; readonly bytes: number }>(
    files: readonly File[],
    remove: (file: File) => Promise<void>,
  ): Promise<void> {
    const { ledger } = this.#options
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const removals = files.map((file) => begun.then(() => remove(file)))
    removals.forEach((gone, n) => {
      const file = files[n] as File
      ledger.leave(
        file.digest,
        file.bytes,
        gone.catch(() => undefined),
      )
    })
    begin()
    await Promise.all(removals)
  }
}

export function nothing(): Gone {
  return { images: 0, names: [], blobs: 0, downloads: 0, quarantined: 0, freedBytes: 0 }
}

export function addTo(sum: Gone, more: Gone): void {
  sum.images += more.images
  sum.names.push(...more.names.slice(0, NAMES_MAX - sum.names.length))
  sum.blobs += more.blobs
  sum.downloads += more.downloads
  sum.quarantined += more.quarantined
  sum.freedBytes += more.freedBytes
}

/** By a tag if it had one; undefined where it was no image. */
function nameOf({ manifests: [digest], tags: [tagged], contents }: Removed): string | undefined {
  if (digest === undefined) return undefined
  if (tagged) return imageName(tagged, tagged)
  const seen = contents.find((each) => each.digest === digest)
  return seen ? imageName(seen, seen) : digest
}
