// The slow re-hash of everything that is stored, so that what decays on disk is found before it is needed.

import { StoreError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Index } from '../store/index-port.ts'
import { isOfOneFile } from './integrity.ts'
import type { Integrity } from './integrity.ts'

/** Slower than this, one large layer would take days. */
const LEAST_BYTES_PER_SECOND = 1024 * 1024
/** With nothing to do, or with a store that fails, it looks again after this. */
const IDLE_MS = 3_600_000
/** Downloads come first: it waits so long and looks again. */
const BUSY_MS = 1000
const BATCH = 20
/** Where so many files cannot be looked at, it is not the files. */
const UNREADABLE_MAX = 1000

export interface ScrubOptions {
  readonly index: Index
  readonly integrity: Pick<Integrity, 'check'>
  /** Within so long, everything is hashed once. */
  readonly spanMs: number
  /** Whether downloads are running. */
  readonly isBusy: () => boolean
  /** Resolves after so long; rejects once the signal comes. */
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  readonly now: () => number
}

/** Runs until the signal comes. */
export async function scrub(options: ScrubOptions, signal: AbortSignal): Promise<void> {
  const { sleep } = options
  // Left alone until the next start: there may be good ones behind them.
  const unreadable = new Set<Digest>()
  while (!signal.aborted) {
    try {
      const didSomething = await scrubBatch(options, unreadable, signal)
      if (!didSomething) await sleep(IDLE_MS, signal)
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof StoreError)) throw error
      await sleep(IDLE_MS, signal).catch(() => undefined)
    }
  }
}

/**
 * What was hashed within the first half of the span can wait; the other half is the time for doing it, so
 * that even a store that was filled in one day is through in time.
 */
async function scrubBatch(
  options: ScrubOptions,
  unreadable: Set<Digest>,
  signal: AbortSignal,
): Promise<boolean> {
  const { index, integrity, spanMs, isBusy, sleep, now } = options
  const next = await index.leastRecentlyChecked(now() - spanMs / 2, BATCH + unreadable.size)
  const due = next.filter(({ digest }) => !unreadable.has(digest))
  if (due.length === 0) return false
  const bytesPerMs = paceOf((await index.usage()).blobBytes, spanMs)
  const pace = async (bytes: number): Promise<void> => {
    await sleep(bytes / bytesPerMs, signal)
    while (isBusy()) await sleep(BUSY_MS, signal)
  }
  for (const { digest } of due) {
    await pace(0)
    try {
      await integrity.check(digest, pace)
    } catch (error) {
      if (!isOfOneFile(error) || unreadable.size >= UNREADABLE_MAX) throw error
      unreadable.add(digest)
    }
  }
  return true
}

export function paceOf(storedBytes: number, spanMs: number): number {
  return Math.max(LEAST_BYTES_PER_SECOND / 1000, storedBytes / (spanMs / 2))
}
