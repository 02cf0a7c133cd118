// `[GLOB=]DURATION`: how long a tag's answer is fresh.

import { formatDuration, parseDuration } from '../lib/units.ts'
import type { TagTtl, TagTtlPattern } from './config.ts'
import type { Parsed } from './parsed.ts'
import { quote } from './wording.ts'

export const defaultMovingMs = 60_000
export const defaultExactMs = 24 * 3_600_000

/** Without a pattern: for every tag. */
export interface TagTtlEntry {
  readonly pattern: string | undefined
  readonly ttlMs: number
}

export function parseTagTtl(text: string): Parsed<TagTtlEntry> {
  const equals = text.lastIndexOf('=')
  const durationText = text.slice(equals + 1).trim()
  const ttlMs = parseDuration(durationText)
  if (ttlMs === undefined) {
    return {
      problem: `${quote(durationText)} is not a duration with its unit, such as 30s, 1m or 24h`,
    }
  }
  if (equals < 0) return { value: { pattern: undefined, ttlMs } }
  const pattern = parsePattern(text.slice(0, equals).trim())
  return 'problem' in pattern ? pattern : { value: { pattern: pattern.value, ttlMs } }
}

/** What `GLOB=...` is held against, once it is known to be right. */
export function ttlPatternOf(text: string): string | undefined {
  const parsed = parseTagTtl(text)
  return 'value' in parsed ? parsed.value.pattern : undefined
}

function parsePattern(pattern: string): Parsed<string> {
  if (pattern === '' || /\s/.test(pattern)) {
    return {
      problem: `${quote(pattern)} is not a pattern, such as '*-rc*=5m' or 'ghcr.io/org/**=1h'`,
    }
  }
  if (pattern.includes('/')) return { value: withTagPart(pattern) }
  if (!pattern.includes(':')) return { value: pattern }
  return {
    problem:
      `${quote(pattern)} can match nothing: a pattern with a ":" is held against the whole name, ` +
      `such as docker.io/library/nginx:latest`,
  }
}

/** Whole names end in `:tag`, so a pattern that says nothing of the tag gets one for any. */
function withTagPart(pattern: string): string {
  const last = pattern.slice(pattern.lastIndexOf('/') + 1)
  if (last.includes(':')) return pattern
  // Only alone between slashes does `**` reach over several components.
  return last === '**' ? `${pattern}/*:*` : `${pattern}:*`
}

/** Entries come strongest first. A plain duration replaces both defaults. */
export function combineTagTtl(entries: readonly TagTtlEntry[]): TagTtl {
  const plain = entries.find((entry) => entry.pattern === undefined)
  const byPattern = new Map<string, TagTtlPattern>()
  for (const { pattern, ttlMs } of entries) {
    if (pattern !== undefined && !byPattern.has(pattern)) byPattern.set(pattern, { pattern, ttlMs })
  }
  return {
    movingMs: plain?.ttlMs ?? defaultMovingMs,
    exactMs: plain?.ttlMs ?? defaultExactMs,
    patterns: [...byPattern.values()],
  }
}

export function formatTagTtl(entry: TagTtlEntry): string {
  const prefix = entry.pattern === undefined ? '' : `${entry.pattern}=`
  return prefix + formatDuration(entry.ttlMs)
}
