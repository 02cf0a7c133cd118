// How much the store may take, and how much more or less than that it takes. Pure.

import { formatBytes, formatSize } from '../lib/units.ts'
import type { Pinnable } from './room-port.ts'

/** Files are given out in whole blocks. */
const BLOCK_BYTES = 4096
/** Beside every download lies a note of what of it is there. */
const NOTE_BYTES = 2 * BLOCK_BYTES
/** The folders of published content (one for each first byte of a digest), and a name in them each. */
const FOLDERS_BYTES = 260 * BLOCK_BYTES
const NAME_BYTES = 128

/** What the index may grow by before it is looked at again: a share of the limit, within these. */
const SLACK_SHARE = 1 / 64
const SLACK_LEAST_BYTES = 1024 * 1024
const SLACK_MOST_BYTES = 64 * 1024 * 1024

/** Freed beyond what is needed, so that not every download evicts. */
const LOW_WATER_SHARE = 1 / 50

/** What is kept for lists leaves the rest to what clients pull. */
const PINS_SHARE = 0.8

const MIN_FREE_MOST_BYTES = 5 * 2 ** 30
const MIN_FREE_SHARE = 1 / 10

export interface Limits {
  /** Undefined: no limit of its own. */
  readonly maxBytes: number | undefined
  readonly minFreeBytes: number
}

/** What is on disk, and what is promised to downloads. */
export interface Taken {
  readonly blobs: number
  readonly blobBytes: number
  readonly indexBytes: number
  readonly parkedBytes: number
  readonly quarantinedBytes: number
  /** Of files whose rows have gone already. */
  readonly leavingBytes: number
  /** Of downloads under way, in all; and what of that is not on disk yet. */
  readonly reservedBytes: number
  readonly unwrittenBytes: number
  /** Of the disk; undefined where the system does not tell. */
  readonly freeBytes: number | undefined
}

/** What is left free where nothing is said. */
export function defaultMinFree(diskBytes: number): number {
  return Math.min(MIN_FREE_MOST_BYTES, Math.floor(diskBytes * MIN_FREE_SHARE))
}

/** What so many bytes of content take as a file. */
export function fileBytes(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES
}

/** What so many bytes of a download take. */
export function downloadBytes(bytes: number): number {
  return fileBytes(bytes) + NOTE_BYTES
}

/** What is there whatever is evicted. */
function fixedBytes({ maxBytes }: Limits, { blobs, indexBytes }: Taken): number {
  const share = (maxBytes ?? 0) * SLACK_SHARE
  const slack = Math.min(SLACK_MOST_BYTES, Math.max(SLACK_LEAST_BYTES, share))
  return indexBytes + slack + FOLDERS_BYTES + blobs * NAME_BYTES
}

export function usedBytes(taken: Taken): number {
  const { blobBytes, indexBytes, parkedBytes, quarantinedBytes, leavingBytes } = taken
  return (
    blobBytes + indexBytes + parkedBytes + quarantinedBytes + leavingBytes + taken.reservedBytes
  )
}

/** What could be evicted, were nothing of it in use. */
export function evictableBytes(taken: Taken, pinnedBytes: number): number {
  return taken.blobBytes - pinnedBytes + taken.parkedBytes + taken.quarantinedBytes
}

/** How many bytes are too many of what `--max-size` counts; negative: so many are left. */
export function overSize(limits: Limits, taken: Taken): number {
  if (limits.maxBytes === undefined) return -Infinity
  return usedBytes(taken) - taken.indexBytes + fixedBytes(limits, taken) - limits.maxBytes
}

/** How many bytes too few the disk has free; negative: so many are left. */
export function underFree(limits: Limits, taken: Taken): number {
  if (taken.freeBytes === undefined) return -Infinity
  return limits.minFreeBytes - (taken.freeBytes - taken.unwrittenBytes)
}

/** How many bytes have to go before so many more may come; negative: so many are left then. */
export function excessBytes(limits: Limits, taken: Taken, moreBytes = 0): number {
  return Math.max(overSize(limits, taken), underFree(limits, taken)) + moreBytes
}

/** What one download may take at most, were everything else evicted that is not pinned. */
export function capacityBytes(limits: Limits, taken: Taken, pinnedBytes: number): number {
  const nothing = { ...taken, blobs: 0 }
  const ofSize =
    limits.maxBytes === undefined
      ? Infinity
      : limits.maxBytes - fixedBytes(limits, nothing) - pinnedBytes
  const ofDisk = evictableBytes(taken, pinnedBytes) + taken.reservedBytes - underFree(limits, taken)
  return Math.min(ofSize, ofDisk)
}

/** What the store may take in all; undefined where nothing limits it that is known. */
function allowedBytes({ maxBytes, minFreeBytes }: Limits, taken: Taken): number | undefined {
  const { freeBytes, unwrittenBytes } = taken
  if (freeBytes === undefined) return maxBytes
  const ofDisk = Math.max(0, usedBytes(taken) - unwrittenBytes + freeBytes - minFreeBytes)
  return Math.min(ofDisk, maxBytes ?? Infinity)
}

/** What lists may keep of it, in words too. */
export function pinnableOf(
  limits: Limits,
  taken: Taken,
): Pick<Pinnable, 'maxBytes' | 'share' | 'remedy'> | undefined {
  const allowed = allowedBytes(limits, taken)
  if (allowed === undefined) return undefined
  const isSize = allowed === limits.maxBytes
  const what = isSize
    ? `--max-size ${formatSize(allowed)}`
    : `the ${formatBytes(allowed)} that its disk allows`
  return {
    maxBytes: Math.floor(allowed * PINS_SHARE),
    share: `${PINS_SHARE * 100} % of ${what}`,
    remedy: `${isSize ? 'raise it' : 'give the store a larger disk'}, or shorten the lists`,
  }
}

/** How much more than needed is freed at a time. */
export function lowWaterBytes(limits: Limits, taken: Taken): number {
  return Math.floor((limits.maxBytes ?? usedBytes(taken)) * LOW_WATER_SHARE)
}
