// What a line without tags means.

import type { Bare, ListEntry } from './list-entry.ts'
import { isNamePattern } from './name-pattern.ts'
import { compileRegex } from './pattern.ts'
import type { TagPattern } from './pattern.ts'
import { parseVersion } from './versions.ts'

const USED_DEFAULT_MS = 30 * 24 * 60 * 60 * 1000

/** Undefined for a line with tags. */
export function bareOf({ name, selectors, options }: ListEntry): Bare | undefined {
  if (selectors.length > 0) return undefined
  // Registries do not tell what they have under a prefix.
  if (isNamePattern(name)) return 'used'
  const { newest, semver, variant, bare = 'latest+used' } = options
  const isChoosing = newest !== undefined || semver !== undefined || variant !== undefined
  return isChoosing ? 'all' : bare
}

/** Every tag that clients used within this, too. Undefined: none. */
export function usedWithinMs(entry: ListEntry): number | undefined {
  const bare = bareOf(entry)
  const isUsed = bare === 'used' || bare === 'latest+used'
  return entry.options.usedMs ?? (isUsed ? USED_DEFAULT_MS : undefined)
}

export type SetOfTags = Extract<Bare, 'all' | 'versions' | 'daocloud'>

export function isSetOfTags(bare: Bare | undefined): bare is SetOfTags {
  return bare === 'all' || bare === 'versions' || bare === 'daocloud'
}

export function isInSet(bare: SetOfTags, tag: string): boolean {
  if (bare === 'all') return true
  if (bare === 'versions') return parseVersion(tag) !== undefined
  return DAOCLOUD.matches(tag) && !DAOCLOUD_EXCLUDED.matches(tag)
}

// Of public-image-mirror's scripts; its patterns are found anywhere in a tag.
const DAOCLOUD = pattern('^([a-z]+-)?[a-z]*[0-9]+(\\.[0-9]+){1,2}')
const DAOCLOUD_EXCLUDED = pattern(
  '[0-9a-f]{10}|-g[0-9a-f]{7}|SNAPSHOT|dev-|sha256-|sha-|distroless|alpha|beta|unstable|nightly',
)

function pattern(regex: string): TagPattern {
  const compiled = compileRegex(regex)
  if ('value' in compiled) return compiled.value
  throw new Error(compiled.mistake.message)
}
