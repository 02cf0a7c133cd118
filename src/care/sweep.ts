// `gc`: what nobody needs any more is removed on demand, or only listed.

import type { IndexReader, VictimImage } from '../store/reader-port.ts'
import { addTo, nothing, ORPHAN_GRACE_MS, SLICE_ROWS } from './evictor.ts'
import type { Gone } from './events.ts'
import type { GcAnswer, Jobs, Talk, VictimRow } from './jobs.ts'
import { PARKED_KEPT_MS } from './room.ts'
import type { StoreRoom } from './room.ts'

export interface SweepOptions {
  readonly room: StoreRoom
  readonly reader: IndexReader
  /** Undefined: an image that no tag points to is kept for ever. */
  readonly keepUntaggedMs: number | undefined
  readonly now: () => number
}

export function gcJob(options: SweepOptions): Jobs['gc'] {
  return async ({ isPlan }, talk) =>
    isPlan ? await planned(options, talk) : await swept(options, talk)
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
  const take = (steps: Parameters<StoreRoom['take']>[0]): Promise<void> =>
    room.take(steps, onGone, talk.signal)
  await take(evictor.parked(now() - PARKED_KEPT_MS))
  if (keepUntaggedMs !== undefined) await take(evictor.untagged(now() - keepUntaggedMs))
  await take(evictor.orphans(now() - ORPHAN_GRACE_MS, Infinity))
  if ((await room.excessBytes()) > 0) await take(room.excess())
  return gone
}

/** In the order in which it would go. */
async function planned(options: SweepOptions, talk: Talk<VictimRow>): Promise<GcAnswer> {
  const found = { images: 0, blobs: 0, downloads: 0, freedBytes: 0 }
  for await (const rows of victims(options)) {
    for (const { kind, bytes } of rows) {
      found[`${kind}s`] += 1
      found.freedBytes += bytes
    }
    if (rows.length > 0) await talk.rows(rows)
    const done = found.images + found.blobs + found.downloads
    talk.progress({ what: 'looking', done, total: undefined, unit: 'blobs' })
    if (talk.signal.aborted) break
  }
  return found
}

async function* victims(options: SweepOptions): AsyncGenerator<readonly VictimRow[]> {
  const { room, reader, keepUntaggedMs, now } = options
  yield room.parkedBefore(now() - PARKED_KEPT_MS).map(({ name, diskBytes, changedAt }) => ({
    kind: 'download',
    name,
    bytes: diskBytes,
    because: `nobody has resumed it since ${dayOf(changedAt)}`,
  }))
  if (keepUntaggedMs !== undefined) yield* untagged(reader, now() - keepUntaggedMs)
  for (let after: number | undefined = 0; after !== undefined;) {
    const slice = await reader.orphans(after, SLICE_ROWS, now() - ORPHAN_GRACE_MS)
    after = slice.next
    yield slice.orphans.map(({ digest, sizeBytes }) => ({
      kind: 'blob',
      name: digest,
      bytes: sizeBytes,
      because: 'no image needs it',
    }))
  }
  yield* tooMuch(reader, await room.excessBytes())
}

async function* untagged(
  reader: IndexReader,
  before: number,
): AsyncGenerator<readonly VictimRow[]> {
  for (let after = ''; ;) {
    const images = await reader.untaggedImages(before, after)
    yield images.map((image) =>
      rowOf(
        image,
        `no tag points to it, and nobody has used it since ${dayOf(image.cursor.lastUse)}`,
      ),
    )
    const last = images.at(-1)
    if (!last) return
    after = last.digest
  }
}

/** A layer that only these images share is counted with none of them: perhaps fewer will go. */
async function* tooMuch(
  reader: IndexReader,
  excessBytes: number,
): AsyncGenerator<readonly VictimRow[]> {
  let left = excessBytes
  for (let after = { lastUse: 0, row: -1 }; left > 0;) {
    const images = await reader.imagesByUse(after)
    const last = images.at(-1)
    if (!last) return
    after = last.cursor
    const going: VictimRow[] = []
    for (const image of images) {
      if (left <= 0) break
      left -= image.ownBytes
      going.push(
        rowOf(
          image,
          `more is stored than allowed, and its last use was on ${dayOf(image.cursor.lastUse)}`,
        ),
      )
    }
    yield going
  }
}

function rowOf({ name, ownBytes }: VictimImage, because: string): VictimRow {
  return { kind: 'image', name, bytes: ownBytes, because }
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
