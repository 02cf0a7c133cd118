// Which tags of a repository a line means, in this order: those it writes out; its patterns, or what
// `bare` stands for; `semver=`, `variant=`, `@exclude`, `not=`, `!`, `newest=`; tags that clients used;
// `min=` and `max=`.

import type { Digest } from '../oci/digest.ts'
import { parseTag } from '../oci/name.ts'
import type { Tag } from '../oci/name.ts'
import { bareOf, isSetOfTags } from './bare.ts'
import type { ChosenBy, DropReason, Exclude, ListEntry } from './list-entry.ts'
import { newestOf } from './newest.ts'
import {
  compilePatterns,
  isPattern,
  notStage,
  patternStage,
  setStage,
  versionStages,
} from './tag-stages.ts'
import type { Stage } from './tag-stages.ts'

const MIN_DEFAULT = 1
const MAX_DEFAULT = 50
const LATEST = 'latest' as Tag

/** What the list says beyond the line. */
export interface TagRules {
  /** By `@exclude`. */
  isExcluded(tag: Tag): boolean
  /** By the `!` lines for this repository; undefined: a manifest that is named by its digest alone. */
  isBlocked(tag: Tag | undefined): boolean
}

export interface Found {
  /**
   * What upstream lists, in its order. Undefined where nobody asks for it (tagListNeed): a line that
   * means `latest` means it then, and where there is a list it means its newest version instead.
   */
  readonly listed: readonly string[] | undefined
  /** What clients used within usedWithinMs, the latest first. */
  readonly used: readonly Tag[]
}

export interface Chosen {
  /** Undefined: by digest alone. */
  readonly tag: Tag | undefined
  readonly digest: Digest | undefined
  readonly by: ChosenBy
}

export interface Selection {
  /** Each once: as written, then as upstream lists them or the newest first, then as used. */
  readonly chosen: readonly Chosen[]
  /** Each once, stage by stage. What there is too much of is neither here nor there. */
  readonly dropped: readonly Dropped[]
  /** Used tags beyond `max`, which fell away. */
  readonly usedOver: number
  /** Fewer than `min`. */
  readonly shortage: { readonly count: number; readonly min: number } | undefined
  /** Its patterns select more than `max`, so that none of these is chosen. */
  readonly excess: { readonly count: number; readonly max: number } | undefined
}

interface Dropped {
  readonly tag: string
  readonly because: DropReason
}

/** Once for a list. */
export function compileExcludes(excludes: readonly Exclude[]): TagRules['isExcluded'] {
  return compilePatterns(excludes)
}

/** Whether upstream must list its tags. `without-latest`: only where it has no tag `latest`. */
export function tagListNeed(entry: ListEntry): 'never' | 'without-latest' | 'always' {
  if (meansLatest(entry)) return 'without-latest'
  return isSetOfTags(bareOf(entry)) || entry.selectors.some(isPattern) ? 'always' : 'never'
}

export function selectTags(entry: ListEntry, found: Found, rules: TagRules): Selection {
  const dropped = new Map<string, DropReason>()
  const drop: Drop = (tag, because) => dropped.set(tag, because)
  const chosen = new Map<string, Chosen>()
  const choose = (each: Chosen): void => {
    const key = each.tag ?? each.digest ?? ''
    if (!chosen.has(key)) chosen.set(key, each)
  }

  const matched = matchedTags(entry, found.listed, rules, drop)
  for (const each of writtenIn(entry)) {
    if (!rules.isBlocked(each.tag)) choose(each)
    else if (each.tag !== undefined) drop(each.tag, 'blocked')
  }
  const max = maxOf(entry)
  const isTooMany = matched.length > max
  if (!isTooMany) matched.forEach(choose)
  const shortage = { count: chosen.size, min: minOf(entry) }

  const isNot = notStage(entry.options)
  const used = found.used.filter(
    (tag) => !chosen.has(tag) && isNot.passes(tag) && !rules.isBlocked(tag),
  )
  for (const tag of used.slice(0, max)) choose(tagBy('used', tag))
  return {
    chosen: [...chosen.values()],
    dropped: Array.from(dropped, ([tag, because]) => ({ tag, because })).filter(
      ({ tag }) => !chosen.has(tag),
    ),
    usedOver: Math.max(0, used.length - max),
    shortage: !isTooMany && shortage.count < shortage.min ? shortage : undefined,
    excess: isTooMany ? { count: matched.length, max } : undefined,
  }
}

type Drop = (tag: string, because: DropReason) => void

function writtenIn({ selectors }: ListEntry): readonly Chosen[] {
  return selectors.flatMap((selector) => {
    if (isPattern(selector)) return []
    const tag = selector.kind === 'tag' ? selector.tag : undefined
    return [{ tag, digest: selector.digest, by: 'written' }]
  })
}

function matchedTags(
  entry: ListEntry,
  listed: readonly string[] | undefined,
  rules: TagRules,
  drop: Drop,
): readonly Chosen[] {
  const { options } = entry
  const not = notStage(options)
  const blocked: Stage = { because: 'blocked', passes: (tag) => !rules.isBlocked(tag) }
  const isLatest = meansLatest(entry)
  if (isLatest && listed === undefined) {
    return passing([LATEST], [not, blocked], drop).map((tag) => tagBy('latest', tag))
  }
  const excluded: Stage = { because: 'excluded', passes: (tag) => !rules.isExcluded(tag) }
  const stages = [meantStage(entry), ...versionStages(options), excluded, not, blocked]
  const passed = passing(tagsIn(listed ?? [], drop), stages, drop)
  if (isLatest) {
    return newestOf(passed, 1, false, drop).map((tag) => tagBy('newest-version', tag))
  }
  const { newest, semver } = options
  const tags =
    newest === undefined
      ? passed
      : // A range lets prereleases through only where it names them.
        newestOf(passed, newest, semver !== undefined, drop)
  return tags.map((tag) => tagBy('pattern', tag))
}

/** For want of a `latest`, a version. */
function meantStage(entry: ListEntry): Stage {
  const bare = bareOf(entry)
  if (isSetOfTags(bare)) return setStage(bare)
  return meansLatest(entry) ? setStage('versions') : patternStage(entry.selectors)
}

function passing(tags: readonly Tag[], stages: readonly Stage[], drop: Drop): readonly Tag[] {
  let left = tags
  for (const { because, passes } of stages) {
    left = left.filter((tag) => {
      const isPassing = passes(tag)
      if (!isPassing) drop(tag, because)
      return isPassing
    })
  }
  return left
}

/** Each once. */
function tagsIn(listed: readonly string[], drop: Drop): readonly Tag[] {
  const tags: Tag[] = []
  for (const each of new Set(listed)) {
    const tag = parseTag(each)
    if (tag === undefined) drop(each, 'no-tag')
    else tags.push(tag)
  }
  return tags
}

function tagBy(by: ChosenBy, tag: Tag): Chosen {
  return { tag, digest: undefined, by }
}

function meansLatest(entry: ListEntry): boolean {
  const bare = bareOf(entry)
  return bare === 'latest' || bare === 'latest+used'
}

/** Of the tags that its patterns select, and of the used ones. */
export function maxOf(entry: ListEntry): number {
  return entry.options.max ?? (bareOf(entry) === 'daocloud' ? Infinity : MAX_DEFAULT)
}

/** `min` of `@defaults` is for lines that choose among tags: the others cannot come to more. */
function minOf(entry: ListEntry): number {
  if (bareOf(entry) === 'used') return 0
  const { min = MIN_DEFAULT } = tagListNeed(entry) === 'always' ? entry.options : entry.ownOptions
  return min
}
