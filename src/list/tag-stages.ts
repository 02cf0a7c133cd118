// What a tag must pass to be selected by the patterns of a line, stage by stage.

import type { Tag } from '../oci/name.ts'
import { isInSet } from './bare.ts'
import type { SetOfTags } from './bare.ts'
import type { DropReason, EntryOptions, Exclude, Selector } from './list-entry.ts'
import { compileGlob, compileRegex } from './pattern.ts'
import type { TagPattern } from './pattern.ts'
import { parseVersion, versionRange } from './versions.ts'

type PatternSelector = Extract<Selector, { readonly pattern: string }>

export interface Stage {
  /** Why a tag falls away that does not pass. */
  readonly because: DropReason
  passes(tag: Tag): boolean
}

export function isPattern(selector: Selector): selector is PatternSelector {
  return 'pattern' in selector
}

/** Its patterns alone: what a line writes out is for whoever asks. */
export function patternStage(selectors: readonly Selector[]): Stage {
  return { because: 'unmatched', passes: compilePatterns(selectors.filter(isPattern)) }
}

export function setStage(set: SetOfTags): Stage {
  return { because: 'unmatched', passes: (tag) => isInSet(set, tag) }
}

/** Of `semver=` and `variant=`. */
export function versionStages({ semver, variant }: EntryOptions): readonly Stage[] {
  const stages: Stage[] = []
  if (semver !== undefined) {
    const isInRange = versionRange(semver)
    const passes = (tag: Tag): boolean => {
      const version = parseVersion(tag)
      return version !== undefined && isInRange(version)
    }
    stages.push({ because: 'semver', passes })
  }
  if (variant !== undefined) {
    stages.push({ because: 'variant', passes: (tag) => parseVersion(tag)?.variant === variant })
  }
  return stages
}

export function notStage({ not = [] }: EntryOptions): Stage {
  const isNot = compilePatterns(not.map((pattern) => ({ kind: 'glob', pattern })))
  return { because: 'not', passes: (tag) => !isNot(tag) }
}

type Pattern = Pick<Exclude, 'kind' | 'pattern'>

/** Whether any of them matches. */
export function compilePatterns(patterns: readonly Pattern[]): (tag: string) => boolean {
  const all = patterns.map(compiled)
  return (tag) => all.some((pattern) => pattern.matches(tag))
}

function compiled({ kind, pattern }: Pattern): TagPattern {
  const read = kind === 'glob' ? compileGlob(pattern) : compileRegex(pattern)
  if ('value' in read) return read.value
  // The parser lets none through.
  throw new Error(read.mistake.message)
}
