// After a start: what an unclean stop may have left, and an index that was lost or damaged. In the
// background; pulls go on, and what they meet before this does is looked at then.

import type { BlobStore } from '../store/blob-store.ts'
import type { IndexInspection } from '../store/inspect.ts'
import type { Index } from '../store/index-port.ts'
import { StoreError } from '../errors.ts'
import type { Integrity } from './integrity.ts'
import { checkManifests } from './manifest-check.ts'
import type { ManifestFiles } from './manifest-files.ts'
import { pairs } from './pairs.ts'
import type { Recovered, RecoveryEvents } from './recovery-events.ts'

export interface RecoveryOptions {
  readonly index: Index
  readonly store: BlobStore
  readonly integrity: Integrity
  readonly manifests: ManifestFiles
  readonly inspection: IndexInspection
  readonly events: RecoveryEvents
  readonly now: () => number
}

/** Resolves when nothing is left to look at, or the signal came: then the next start goes on. */
export async function recover(options: RecoveryOptions, signal: AbortSignal): Promise<void> {
  const { events } = options
  try {
    await lookAround(options, signal)
  } catch (error) {
    if (signal.aborted) return
    if (!(error instanceof StoreError)) throw error
    events.recoveryFailed(error.message)
  }
}

async function lookAround(options: RecoveryOptions, signal: AbortSignal): Promise<void> {
  const { index, inspection, events, now } = options
  const pending = await index.pendingCheck()
  if (!pending) return
  const startedAt = now()
  const found = { adopted: 0, forgotten: 0, damagedManifests: 0, salvagedRows: 0, tookMs: 0 }
  if (pending.kind === 'rebuild') {
    events.rebuildBegun(pending.from)
    if (pending.from !== undefined) await salvage(options, pending.from, found, signal)
  } else {
    const damage = await inspection.damage(signal)
    if (damage !== undefined) return events.indexDamaged(damage)
  }
  await reconcile(options, found, signal)
  await index.checkDone()
  events.recovered(pending.kind, { ...found, tookMs: now() - startedAt })
}

/** What cannot be read is lost; the rest is worth having. */
async function salvage(
  { index, inspection }: RecoveryOptions,
  from: string,
  found: Recovered,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const rows of inspection.salvage(from, signal)) {
      await index.restore(rows)
      found.salvagedRows += rows.length
    }
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}

async function reconcile(
  { index, store, integrity, manifests }: RecoveryOptions,
  found: Recovered,
  signal: AbortSignal,
): Promise<void> {
  for await (const { digest, hasFile, sizeBytes } of pairs(store, index, signal)) {
    if (hasFile && sizeBytes !== undefined) continue
    if (hasFile) {
      if ((await integrity.adopt(digest)) === 'adopted') found.adopted += 1
    } else if (!(await store.find(digest)) && (await index.findBlob(digest))) {
      await index.forgetBlob(digest)
      found.forgotten += 1
    }
  }
  for await (const digest of checkManifests(index, manifests, signal)) {
    found.damagedManifests += 1
    await manifests.find(digest)
  }
}
