// `stats`: what clients got, day by day, and what the store takes.

import type { IndexReader } from '../store/reader-port.ts'
import type { RegistryStatus } from '../upstream/upstream.ts'
import type { Jobs, QuotaRow, StoreStats } from './jobs.ts'
import type { RoomReport } from './room.ts'

const DAY_MS = 86_400_000

export interface StatsOptions {
  readonly reader: IndexReader
  /** What was gathered in memory is in the index once this resolves. */
  flushed(): Promise<void>
  room(): Promise<RoomReport>
  /** Of the registries that were asked since the start. */
  registries(): readonly RegistryStatus[]
  readonly now: () => number
}

export function statsJob(options: StatsOptions): Jobs['stats'] {
  const { reader, flushed, room, registries, now } = options
  return async (ask) => {
    await flushed()
    const since = dayOf(now() - (ask.days - 1) * DAY_MS)
    const [days, report] = await Promise.all([reader.pullCounts(since), room()])
    return { days, store: storeStats(report), quotas: quotasOf(registries()) }
  }
}

/** In UTC, `2026-11-22`. */
function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function storeStats({ limits, taken }: RoomReport): StoreStats {
  const { blobs, blobBytes, parkedBytes, reservedBytes, quarantinedBytes, indexBytes } = taken
  return {
    ...{ blobs, blobBytes, quarantinedBytes, indexBytes },
    stagedBytes: parkedBytes + reservedBytes,
    maxBytes: limits.maxBytes,
    minFreeBytes: limits.minFreeBytes,
    freeBytes: taken.freeBytes,
  }
}

function quotasOf(registries: readonly RegistryStatus[]): readonly QuotaRow[] {
  return registries.flatMap(({ registry, quota }) => {
    if (!quota) return []
    const { limit, remaining, windowSeconds, toldAtMs } = quota
    return [{ registry, limit, remaining, windowSeconds, toldAt: toldAtMs }]
  })
}
