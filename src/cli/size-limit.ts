// What `serve` says about the room that it has. Pure.

import type { RoomReport } from '../care/room.ts'
import { formatBytes } from '../lib/units.ts'

/** `200 GiB, 187 GiB left; 5 GiB of the disk stay free` */
export function sizeLimit(report: RoomReport | undefined): string {
  if (!report) return 'UNKNOWN: what is stored cannot be told, and pulls may be passed through'
  const { limits, leftBytes } = report
  const { maxBytes, minFreeBytes } = limits
  if (storesNothing(report)) {
    return `NOTHING IS STORED: ${whyNothing(report)}; every pull is passed through`
  }
  const ofDisk = minFreeBytes > 0 ? `${formatBytes(minFreeBytes)} of the disk stay free` : undefined
  const most =
    minFreeBytes > 0 ? `its last ${formatBytes(minFreeBytes)} (--min-free)` : 'the last byte'
  const parts =
    maxBytes === undefined
      ? [
          `NONE: set one with --max-size`,
          `the cache may fill the disk up to ${most}`,
          left(leftBytes),
        ]
      : [formatBytes(maxBytes), left(leftBytes), ofDisk]
  return parts.filter((part) => part !== undefined).join('; ')
}

/** Not one byte fits, whatever is evicted. */
export function storesNothing({ capacityBytes }: RoomReport): boolean {
  return capacityBytes <= 0
}

function whyNothing({ limits: { maxBytes, minFreeBytes }, taken }: RoomReport): string {
  const { freeBytes } = taken
  if (freeBytes !== undefined && minFreeBytes > freeBytes + taken.blobBytes) {
    const free = formatBytes(freeBytes)
    return `--min-free ${typed(minFreeBytes)} is more than the ${free} that are free`
  }
  const limit = maxBytes === undefined ? 'the disk' : `--max-size ${typed(maxBytes)}`
  return `${limit} leaves no room beside the index and what is pinned`
}

/** As a flag takes it. */
function typed(bytes: number): string {
  return formatBytes(bytes).replace(' ', '')
}

/** The same for machines; null: no limit. */
export function roomFields(report: RoomReport | undefined): Record<string, number | null> {
  return {
    sizeLimit: report?.limits.maxBytes ?? null,
    minFreeBytes: report?.limits.minFreeBytes ?? null,
    leftBytes: report?.leftBytes ?? null,
    freeBytes: report?.taken.freeBytes ?? null,
  }
}

function left(bytes: number | undefined): string | undefined {
  if (bytes === undefined) return undefined
  if (bytes >= 0) return `${formatBytes(bytes)} left`
  return `${formatBytes(-bytes)} too much is stored and is being removed`
}
