// What `serve` says about the room that it has. Pure.

import type { RoomReport } from '../care/room.ts'
import { formatBytes } from '../lib/units.ts'

/** `200 GiB, 187 GiB left; 5 GiB of the disk stay free` */
export function sizeLimit(report: RoomReport | undefined): string {
  if (!report) return 'UNKNOWN: what is stored cannot be told, and pulls may be passed through'
  const { limits, leftBytes, capacityBytes } = report
  const { maxBytes, minFreeBytes } = limits
  const ofDisk = minFreeBytes > 0 ? `${formatBytes(minFreeBytes)} of the disk stay free` : undefined
  if (capacityBytes <= 0) {
    const limit = maxBytes === undefined ? 'the disk' : formatBytes(maxBytes)
    const because = ofDisk === undefined ? '' : `, as ${ofDisk}`
    return `NOTHING IS STORED: ${limit} leaves no room${because}; every pull is passed through`
  }
  const parts = [left(leftBytes), ofDisk].filter((part) => part !== undefined)
  if (maxBytes !== undefined) return [formatBytes(maxBytes), ...parts].join('; ')
  const most = ofDisk === undefined ? 'to the last byte' : `but for what is said here`
  return [`NONE: the cache may fill the disk ${most}`, ...parts].join('; ')
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
