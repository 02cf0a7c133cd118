// Whether a known tag may be answered as it stands. Pure.

import picomatch from 'picomatch'
import { repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'

/**
 * - `fresh`: answer, ask nobody
 * - `revalidate`: ask upstream, answer what is known where that fails
 * - `stale`: upstream cannot be asked; answer what is known, marked
 * - `absent`: nothing is known
 */
export type Freshness = 'fresh' | 'revalidate' | 'stale' | 'absent'

/** How long a tag counts as fresh, in ms. The first pattern that matches decides. */
export interface TagTtl {
  readonly movingMs: number
  /** For tags such as `1.27.3`, which publishers do not move. */
  readonly exactMs: number
  readonly patterns: readonly { readonly pattern: string; readonly ttlMs: number }[]
}

const EXACT_VERSION = /^v?\d+\.\d+\.\d+(?:[.+_-][\w.+-]*)?$/

export function freshness(
  checkedAt: number | undefined,
  now: number,
  ttlMs: number,
  offline: boolean,
): Freshness {
  if (checkedAt === undefined) return 'absent'
  if (offline) return 'stale'
  // A clock that was set back must not keep a tag fresh for years.
  const age = now - checkedAt
  return age >= 0 && age < ttlMs ? 'fresh' : 'revalidate'
}

/** Compiles the patterns once. A pattern without a slash is about the tag alone. */
export function tagTtl(config: TagTtl): (repository: Repository, tag: Tag) => number {
  const rules = config.patterns.map(({ pattern, ttlMs }) => ({
    matches: picomatch(pattern, { dot: true }),
    ofWhole: pattern.includes('/'),
    ttlMs,
  }))
  return (repository, tag) => {
    const whole = `${repositoryKey(repository)}:${tag}`
    const rule = rules.find(({ matches, ofWhole }) => matches(ofWhole ? whole : tag))
    return rule?.ttlMs ?? (EXACT_VERSION.test(tag) ? config.exactMs : config.movingMs)
  }
}
