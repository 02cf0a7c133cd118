// What `stats` prints. Pure.

import type { DayRow, QuotaRow, StatsAnswer, StoreStats } from '../care/jobs.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import { columnsText } from './columns.ts'
import type { Column } from './columns.ts'

type Sums = Omit<DayRow, 'day' | 'registry'>

const COLUMNS: readonly Column[] = [
  { title: 'DAY' },
  { title: 'REGISTRY', shrinksTo: 12 },
  { title: 'HITS', align: 'right' },
  { title: 'JOINS', align: 'right' },
  { title: 'MISSES', align: 'right' },
  { title: 'STALE', align: 'right' },
  { title: 'SERVED', align: 'right' },
  { title: 'FETCHED', align: 'right' },
  { title: 'SAVED', align: 'right' },
]

/** `width`: of the terminal; undefined in a pipe, where nothing is cut. */
export function statsText(answer: StatsAnswer, now: number, width: number | undefined): string {
  const { days, store, quotas } = answer
  const rows = days.map((row) => [row.day, row.registry, ...sumsText(row)])
  const total = ['total', '', ...sumsText(totalOf(days))]
  const counts =
    days.length === 0
      ? 'no pulls were counted in these days\n'
      : columnsText(COLUMNS, days.length > 1 ? [...rows, total] : rows, width)
  const facts = [...storeLines(store), ...quotas.map((quota) => quotaLine(quota, now))]
  return `${counts}\n${facts.map((line) => `${line}\n`).join('')}`
}

/** With exact numbers and ISO times. */
export function statsAsJson({ days, store, quotas }: StatsAnswer): object {
  return {
    days: days.map((row) => ({ ...row, savedBytes: savedBytes(row) })),
    total: { ...totalOf(days), savedBytes: savedBytes(totalOf(days)) },
    store: {
      ...store,
      maxBytes: store.maxBytes ?? null,
      freeBytes: store.freeBytes ?? null,
    },
    quotas: quotas.map((quota) => ({
      ...quota,
      limit: quota.limit ?? null,
      windowSeconds: quota.windowSeconds ?? null,
      toldAt: new Date(quota.toldAt).toISOString(),
    })),
  }
}

/** What did not have to be fetched; a day may well fetch more than it serves. */
export function savedBytes({ servedBytes, fetchedBytes }: Sums): number {
  return Math.max(0, servedBytes - fetchedBytes)
}

export function totalOf(days: readonly DayRow[]): Sums {
  const sum = (name: keyof Sums): number => days.reduce((total, row) => total + row[name], 0)
  return {
    hits: sum('hits'),
    joins: sum('joins'),
    misses: sum('misses'),
    stale: sum('stale'),
    servedBytes: sum('servedBytes'),
    fetchedBytes: sum('fetchedBytes'),
  }
}

function sumsText(sums: Sums): string[] {
  const counts = [sums.hits, sums.joins, sums.misses, sums.stale].map(String)
  const bytes = [sums.servedBytes, sums.fetchedBytes, savedBytes(sums)].map(formatBytes)
  return [...counts, ...bytes]
}

function storeLines(store: StoreStats): string[] {
  const { blobs, blobBytes, stagedBytes, quarantinedBytes, indexBytes } = store
  const { maxBytes, minFreeBytes, freeBytes } = store
  const allBytes = blobBytes + stagedBytes + quarantinedBytes + indexBytes
  const limit =
    maxBytes === undefined ? 'without a limit of its own' : `of ${formatBytes(maxBytes)}`
  const free = freeBytes === undefined ? '' : `${formatBytes(freeBytes)} free on the disk, `
  return [
    `store: ${formatBytes(allBytes)} ${limit}; ${free}${formatBytes(minFreeBytes)} to be left free`,
    `  ${blobs} ${blobs === 1 ? 'blob' : 'blobs'} ${formatBytes(blobBytes)}, ` +
      `downloads ${formatBytes(stagedBytes)}, quarantine ${formatBytes(quarantinedBytes)}, ` +
      `index ${formatBytes(indexBytes)}`,
  ]
}

/** `docker.io: 76 of 100 pulls left in 6h, as told 2m ago` */
function quotaLine(quota: QuotaRow, now: number): string {
  const { registry, limit, remaining, windowSeconds, toldAt } = quota
  const of = limit === undefined ? '' : ` of ${limit}`
  const within = windowSeconds === undefined ? '' : ` in ${formatElapsed(windowSeconds * 1000)}`
  const told = formatElapsed(Math.max(0, now - toldAt))
  return `${registry}: ${remaining}${of} pulls left${within}, as told ${told} ago`
}
