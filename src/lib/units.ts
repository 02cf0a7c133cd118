// Durations and sizes as people write and read them.

import ms from 'ms'
import prettyBytes from 'pretty-bytes'

const WITH_UNIT = /^\d+(?:\.\d+)? ?[a-z]+$/i

/** `5s`, `1m`, `24h`, `7d`; `0` needs no unit. A bare number is refused: nobody agrees on its unit. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!WITH_UNIT.test(text)) return undefined
  const durationMs: number | undefined = ms(text as ms.StringValue)
  return Number.isSafeInteger(durationMs) ? durationMs : undefined
}

const SIZE = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(i?)b?$/i
const POWERS = ['', 'k', 'm', 'g', 't', 'p']

/** `200GiB`, `1.5TB`, `500M` (a million times 500), `0`; undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const [, count, prefix = '', binary] = SIZE.exec(text) ?? []
  if (count === undefined) return undefined
  // A bare number is refused, as with durations: nobody agrees on its unit.
  if (/\d$/.test(text)) return Number(text) === 0 ? 0 : undefined
  if (prefix === '' && binary !== '') return undefined
  const power = POWERS.indexOf(prefix.toLowerCase())
  const bytes = Math.round(Number(count) * (binary === '' ? 1000 : 1024) ** power)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** Exact, so that what is printed reads back as the same number. */
export function formatDuration(durationMs: number): string {
  if (durationMs === 86_400_000) return '24h'
  const unit = UNITS.find(([, unitMs]) => durationMs >= unitMs && durationMs % unitMs === 0)
  return unit ? `${durationMs / unit[1]}${unit[0]}` : `${durationMs}ms`
}

/** Exact, so that what is printed reads back as the same number: `200GiB`, `1500MB`, `17B`. */
export function formatSize(sizeBytes: number): string {
  for (const [base, suffix] of [
    [1024, 'iB'],
    [1000, 'B'],
  ] as const) {
    const power = [4, 3, 2, 1].find((each) => sizeBytes > 0 && sizeBytes % base ** each === 0)
    if (power !== undefined) return `${sizeBytes / base ** power}${' KMGT'[power]}${suffix}`
  }
  return `${sizeBytes}B`
}

/** Rounded, for lines that people read: `35ms`, `1.2s`, `4m`. */
export function formatElapsed(elapsedMs: number): string {
  if (elapsedMs >= 1000 && elapsedMs < 60_000) return `${(elapsedMs / 1000).toFixed(1)}s`
  return ms(Math.round(elapsedMs))
}

/** `68 MiB` */
export function formatBytes(sizeBytes: number): string {
  return prettyBytes(sizeBytes, { binary: true, maximumFractionDigits: 1 })
}
