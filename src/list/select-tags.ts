// Which tags of a repository's list a line means.

import { parseTag } from '../oci/name.ts'
import type { Tag } from '../oci/name.ts'
import type { Selector } from './list-entry.ts'
import { compileGlob, compileRegex } from './pattern.ts'
import type { TagPattern } from './pattern.ts'

/** Literal tags and digests are asked for by name; only patterns need the repository's list. */
export type PatternSelector = Extract<Selector, { readonly pattern: string }>

export function needsTagList(selector: Selector): selector is PatternSelector {
  return 'pattern' in selector
}

/** In the order of the list, each once. What registries list and cannot be a tag is passed over. */
export function selectTags(selector: PatternSelector, listed: readonly string[]): readonly Tag[] {
  const pattern = patternOf(selector)
  const chosen = new Set<Tag>()
  for (const each of listed) {
    const tag = parseTag(each)
    if (tag !== undefined && pattern.matches(tag)) chosen.add(tag)
  }
  return [...chosen]
}

function patternOf({ kind, pattern }: PatternSelector): TagPattern {
  const compiled = kind === 'glob' ? compileGlob(pattern) : compileRegex(pattern)
  if ('value' in compiled) return compiled.value
  // The parser lets none through.
  throw new Error(compiled.mistake.message)
}
