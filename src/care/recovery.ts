// After a start: what an unclean stop may have left, and an index that was lost or damaged. In the
// background; pulls go on, and what they meet before this does is looked at then.

import type { BlobStore } from '../store/blob-store.ts'
import type { IndexInspection } from '../store/inspect.ts'
import type { Index } from '../store/index-port.ts'
import { StoreError } from '../errors.ts'
import type { Evictor } from './evictor.ts'
import { isOfOneFile } from './integrity.ts'
import type { Integrity } from './integrity.ts'
import type { Talk } from './jobs.ts'
import { checkManifests } from './manifest-check.ts'
import type { ManifestFiles } from './manifest-files.ts'
import { pairs } from './pairs.ts'
import { nothingFound } from './recovery-events.ts'
import type { Recovered, RecoveryEvents } from './recovery-events.ts'

/** In ms since the epoch: before everything else. */
const NEVER_CHECKED = 0

export interface RecoveryOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly integrity: Integrity
  readonly manifests: ManifestFiles
  readonly inspection: IndexInspection
  readonly events: RecoveryEvents
  readonly brokenDownloads: Evictor['withoutBroken']
  readonly now: () => number
}

/** Who it is done for. */
export type Watch = Pick<Talk, 'signal' | 'progress'>

/** Resolves when nothing is left to look at, or the signal came: then the next start goes on. */
export async function recover(options: RecoveryOptions, watch: Watch): Promise<void> {
  const { events } = options
  try {
    await lookAround(options, watch)
  } catch (error) {
    if (watch.signal.aborted) return
    if (!(error instanceof StoreError)) throw error
    events.recoveryFailed(error.message)
  }
}

async function lookAround(options: RecoveryOptions, watch: Watch): Promise<void> {
  const { index, inspection, events, now } = options
  const pending = await index.pendingCheck()
  if (!pending) return
  const startedAt = now()
  const found = nothingFound()
  if (pending.kind === 'reconcile' && pending.isUnstamped === true)
    await stampAll(options, watch.signal)
  if (pending.kind === 'rebuild') {
    events.rebuildBegun(pending.from)
    if (pending.from !== undefined) await salvage(options, pending.from, found, watch)
  } else {
    const damage = await inspection.damage(watch.signal)
    if (damage !== undefined) return events.indexDamaged(damage)
  }
  await reconcile(options, found, watch)
  await index.checkDone()
  events.recovered(pending.kind, { ...found, tookMs: now() - startedAt })
}

/**
 * An earlier version served its files without looking at their stamps: as they are now they count as
 * they were then, or each would be hashed before its next pull. The scrub comes to them first.
 */
async function stampAll({ index, store }: RecoveryOptions, signal: AbortSignal): Promise<void> {
  for await (const { digest, hasFile, sizeBytes } of pairs(store, index, signal)) {
    if (!hasFile || sizeBytes === undefined) continue
    try {
      const file = await store.find(digest)
      const row = await index.findBlob(digest)
      if (file?.sizeBytes !== row?.sizeBytes || !file || row?.stamp !== undefined) continue
      await index.checkedBlob(digest, file.stamp, NEVER_CHECKED)
    } catch (error) {
      if (!isOfOneFile(error)) throw error
    }
  }
}

/** What cannot be read is lost; the rest is worth having. */
async function salvage(
  { index, inspection }: RecoveryOptions,
  from: string,
  found: Recovered,
  { signal, progress }: Watch,
): Promise<void> {
  const what = 'reading the old index'
  try {
    for await (const rows of inspection.salvage(from, signal)) {
      await index.restore(rows)
      found.salvagedRows += rows.length
      progress({ what, done: found.salvagedRows, total: undefined, unit: 'rows' })
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}

async function reconcile(
  { index, store, integrity, manifests, brokenDownloads }: RecoveryOptions,
  found: Recovered,
  { signal, progress }: Watch,
): Promise<void> {
  let blobs = 0
  for await (const { digest, hasFile, sizeBytes } of pairs(store, index, signal)) {
    blobs += 1
    progress({ what: 'looking at what is stored', done: blobs, total: undefined, unit: 'blobs' })
    if (hasFile && sizeBytes !== undefined) continue
    try {
      if (!hasFile) found.forgotten += (await integrity.forgetGone(digest)) ? 1 : 0
      else if ((await integrity.adopt(digest)) === 'adopted') found.adopted += 1
    } catch (error) {
      if (!isOfOneFile(error)) throw error
      found.unreadable += 1
    }
  }
  for await (const digest of checkManifests(index, manifests, signal)) {
    found.damagedManifests += 1
    await manifests.find(digest)
  }
  for await (const _ of brokenDownloads()) signal.throwIfAborted()
}
