// What the store may take and how long things stay: `--max-size`, `--min-free` and their kin.

import { formatDuration, parseDuration, parseSize } from '../lib/units.ts'
import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'

/** Below this hardly a layer could be stored at all. */
const MAX_SIZE_LEAST_BYTES = 16 * 1024 * 1024
const TEN_YEARS_MS = 10 * 365 * 86_400_000

/** `none`: undefined. */
export function parseMaxSize(text: string): Parsed<{ readonly bytes: number } | undefined> {
  if (text === 'none') return { value: undefined }
  const bytes = parseSize(text)
  if (bytes === undefined) return notASize(text, ' (or none)')
  if (bytes < MAX_SIZE_LEAST_BYTES) {
    return { problem: `${quote(text)} is too little to store images in: give at least 16MiB` }
  }
  return { value: { bytes } }
}

export function parseMinFree(text: string): Parsed<number> {
  const bytes = parseSize(text)
  return bytes === undefined ? notASize(text, '') : { value: bytes }
}

/** A duration of days; undefined for the word that stands for no end. */
export function parseSpan(text: string, endless: string): Parsed<number | undefined> {
  if (text === endless) return { value: undefined }
  const spanMs = parseDuration(text)
  if (spanMs === undefined) {
    return {
      problem: `${quote(text)} is neither a duration with its unit, such as 12h or 30d, nor ${endless}`,
    }
  }
  if (spanMs > TEN_YEARS_MS) return { problem: `${quote(text)} is too long: say ${endless}` }
  return { value: spanMs }
}

/** Oftener, and the disk would never rest. */
const SCRUB_LEAST_MS = 86_400_000

export function parseScrub(text: string): Parsed<number | undefined> {
  const parsed = parseSpan(text, 'off')
  if ('problem' in parsed || parsed.value === undefined || parsed.value >= SCRUB_LEAST_MS) {
    return parsed
  }
  return { problem: `${quote(text)} is too often to hash the whole store: say 24h or more, or off` }
}

export function formatSpan(spanMs: number | undefined, endless: string): string {
  return spanMs === undefined ? endless : formatDuration(spanMs)
}

function notASize(text: string, more: string): { readonly problem: string } {
  return { problem: `${quote(text)} is not a size with its unit, such as 200GiB or 500MB${more}` }
}
