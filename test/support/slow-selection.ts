// Which tags a line means, found out the slow way: one tag after the other, each held against every
// rule by itself, with matchers and versions of its own. What src/list/select-tags.ts must agree with.

import type { DropReason, EntryOptions, Exclude, ListEntry } from '../../src/list/list-entry.ts'
import { globMatches } from './slow-glob.ts'
import { isEarly, slowCompare, slowIsInRange, slowVersion } from './slow-version.ts'
import type { SlowVersion } from './slow-version.ts'

export interface SlowUpstream {
  /** Everything it lists. */
  readonly tags: readonly string[]
  /** What clients used, the latest first. */
  readonly used: readonly string[]
}

export interface SlowRules {
  readonly excludes: readonly Pick<Exclude, 'kind' | 'pattern'>[]
  /** Globs of `!` lines for the repository. */
  readonly blocks: readonly string[]
}

export interface SlowSelection {
  /** `1.27 pattern`, sorted. */
  readonly chosen: readonly string[]
  /** `1.26 older`, sorted. */
  readonly dropped: readonly string[]
  readonly usedOver: number
  readonly fate: 'fine' | 'too few' | 'too many'
}

const DAY_MS = 24 * 60 * 60 * 1000

export function slowUsedMs({ selectors, options, name }: ListEntry): number | undefined {
  if (options.usedMs !== undefined) return options.usedMs
  if (selectors.length > 0) return undefined
  if (name.includes('*')) return 30 * DAY_MS
  if (isChoosing(options)) return undefined
  const bare = options.bare ?? 'latest+used'
  return bare === 'used' || bare === 'latest+used' ? 30 * DAY_MS : undefined
}

export function slowSelection(
  entry: ListEntry,
  { tags, used }: SlowUpstream,
  rules: SlowRules,
): SlowSelection {
  const { selectors, options, ownOptions } = entry
  const isBlocked = (tag: string): boolean => isOneOf(rules.blocks, tag)
  const isNot = (tag: string): boolean => isOneOf(options.not ?? [], tag)

  const chosen = new Map<string, string>()
  const dropped = new Map<string, DropReason>()
  for (const selector of selectors) {
    if (selector.kind === 'digest') chosen.set(selector.digest, 'written')
    if (selector.kind !== 'tag') continue
    if (isBlocked(selector.tag)) dropped.set(selector.tag, 'blocked')
    else chosen.set(selector.tag, 'written')
  }

  const means = meaningOf(entry)
  const hasLatest = tags.includes('latest')
  const isListed = means === 'tags' || (means === 'latest' && !hasLatest)
  let selected: string[] = []
  let by = 'pattern'
  if (means === 'latest' && hasLatest) {
    by = 'latest'
    if (isNot('latest')) dropped.set('latest', 'not')
    else if (isBlocked('latest')) dropped.set('latest', 'blocked')
    else selected = ['latest']
  }
  if (isListed) {
    const passed: string[] = []
    for (const tag of new Set(tags)) {
      const fate = fateOf(entry, tag, rules)
      if (fate === undefined) passed.push(tag)
      else if (!dropped.has(tag)) dropped.set(tag, fate)
    }
    by = means === 'latest' ? 'newest-version' : 'pattern'
    const newest = means === 'latest' ? 1 : options.newest
    selected = newest === undefined ? passed : slowNewest(passed, newest, options.semver, dropped)
  }

  const isDaocloud = means === 'tags' && selectors.length === 0 && options.bare === 'daocloud'
  const max = options.max ?? (isDaocloud && !isChoosing(options) ? 1e9 : 50)
  const isTooMany = selected.length > max
  if (!isTooMany) for (const tag of selected) if (!chosen.has(tag)) chosen.set(tag, by)
  const min = means === 'used' ? 0 : ((means === 'tags' ? options : ownOptions).min ?? 1)
  const isTooFew = !isTooMany && chosen.size < min

  const usable = slowUsedMs(entry) === undefined ? [] : used
  const added = usable.filter((tag) => !chosen.has(tag) && !isNot(tag) && !isBlocked(tag))
  for (const tag of added.slice(0, max)) chosen.set(tag, 'used')
  for (const tag of chosen.keys()) dropped.delete(tag)
  return {
    chosen: pairs(chosen),
    dropped: pairs(dropped),
    usedOver: Math.max(added.length - max, 0),
    fate: isTooMany ? 'too many' : isTooFew ? 'too few' : 'fine',
  }
}

function fateOf(entry: ListEntry, tag: string, rules: SlowRules): DropReason | undefined {
  const { semver, variant, not = [] } = entry.options
  const version = slowVersion(tag)
  const isTag = /^[a-z0-9_][a-z0-9._-]*$/i.test(tag) && tag.length <= 128
  if (!isTag) return 'no-tag'
  if (!isMeant(entry, tag)) return 'unmatched'
  if (semver !== undefined && !(version && slowIsInRange(version, semver))) return 'semver'
  if (variant !== undefined && version?.variant !== variant) return 'variant'
  if (rules.excludes.some((exclude) => matches(exclude, tag))) return 'excluded'
  if (isOneOf(not, tag)) return 'not'
  return isOneOf(rules.blocks, tag) ? 'blocked' : undefined
}

function isOneOf(globs: readonly string[], tag: string): boolean {
  return globs.some((glob) => globMatches(glob, tag))
}

function isChoosing({ newest, semver, variant }: EntryOptions): boolean {
  return newest !== undefined || semver !== undefined || variant !== undefined
}

function pairs(map: ReadonlyMap<string, string>): readonly string[] {
  return Array.from(map, ([tag, why]) => `${tag} ${why}`).toSorted()
}

function meaningOf({
  name,
  selectors,
  options,
}: ListEntry): 'written' | 'tags' | 'latest' | 'used' {
  if (selectors.length > 0) {
    return selectors.some((each) => each.kind === 'glob' || each.kind === 'regex')
      ? 'tags'
      : 'written'
  }
  if (name.includes('*')) return 'used'
  if (isChoosing(options)) return 'tags'
  switch (options.bare) {
    case 'all':
    case 'versions':
    case 'daocloud':
      return 'tags'
    case 'used':
      return 'used'
    default:
      return 'latest'
  }
}

/** Among all tags: by a pattern, or by what a line without tags means. */
function isMeant({ selectors, options }: ListEntry, tag: string): boolean {
  if (selectors.length > 0) {
    return selectors.some((each) => 'pattern' in each && matches(each, tag))
  }
  if (isChoosing(options)) return true
  if (options.bare === 'all') return true
  if (options.bare !== 'daocloud') return slowVersion(tag) !== undefined
  return /^([a-z]+-)?[a-z]*\d+(\.\d+){1,2}/.test(tag) && !isDaocloudExcluded(tag)
}

function isDaocloudExcluded(tag: string): boolean {
  const words = ['SNAPSHOT', 'dev-', 'sha256-', 'sha-', 'distroless', 'alpha', 'beta']
  if ([...words, 'unstable', 'nightly'].some((word) => tag.includes(word))) return true
  const isHex = (from: number, count: number): boolean => {
    const part = tag.slice(from, from + count)
    return part.length === count && /^[0-9a-f]*$/.test(part)
  }
  return Array.from(tag).some(
    (_, at) => isHex(at, 10) || (tag.slice(at, at + 2) === '-g' && isHex(at + 2, 7)),
  )
}

function matches({ kind, pattern }: Pick<Exclude, 'kind' | 'pattern'>, tag: string): boolean {
  return kind === 'glob' ? globMatches(pattern, tag) : new RegExp(pattern).test(tag)
}

/** The best of all that are left, as often as there may be one. */
function slowNewest(
  tags: readonly string[],
  count: number,
  semver: string | undefined,
  dropped: Map<string, DropReason>,
): string[] {
  const chosen: string[] = []
  const isShort = (tag: string): boolean => slowVersion(tag)?.isLong === false
  let left = tags.flatMap((tag) => {
    const version = slowVersion(tag)
    if (version && (isShort(tag) || !tags.some(isShort))) return [{ tag, version }]
    dropped.set(tag, 'no-version')
    return []
  })
  if (semver === undefined && left.some(({ version }) => !isEarly(version))) {
    for (const { tag, version } of left) if (isEarly(version)) dropped.set(tag, 'prerelease')
    left = left.filter(({ version }) => !isEarly(version))
  }
  const final = left.filter(({ version }) => !isEarly(version)).map(({ version }) => version)
  const moving = left.filter(
    ({ version }) =>
      !isEarly(version) &&
      version.revision < 0 &&
      final.some((other) => isLonger(digitsOf(other), digitsOf(version))),
  )
  for (const { tag } of moving) dropped.set(tag, 'same-version')
  left = left.filter((each) => !moving.includes(each))
  while (left.length > 0 && chosen.length < count) {
    const top = left.reduce((best, each) =>
      slowCompare(each.version, best.version) > 0 ? each : best,
    )
    const same = left.filter(({ version }) => slowCompare(version, top.version) === 0)
    const best = same.reduce((one, other) => (isBetter(other, one) ? other : one))
    chosen.push(best.tag)
    for (const { tag } of same) if (tag !== best.tag) dropped.set(tag, 'same-version')
    left = left.filter((each) => !same.includes(each))
  }
  for (const { tag } of left) dropped.set(tag, 'older')
  return chosen
}

type Tagged = { readonly tag: string; readonly version: SlowVersion }

function digitsOf({ parts, builds }: SlowVersion): string {
  return [...parts, ...builds].map((digits) => digits.replace(/^0+(?=.)/, '')).join('.')
}

function isLonger(numbers: string, beginning: string): boolean {
  return numbers.startsWith(`${beginning}.`)
}

/** Of one version. */
function isBetter(one: Tagged, other: Tagged): boolean {
  const [left, right] = [rankOf(one), rankOf(other)]
  return left === right ? one.tag < other.tag : left < right
}

/** Text that sorts before that of a worse tag: the higher a number, the lower are its digits. */
function rankOf({ version: { parts, variant, revision } }: Tagged): string {
  const inverted = (digits: string): string =>
    Array.from(digits.padStart(128, '0'), (digit) => 9 - Number(digit)).join('')
  return [
    variant === '' ? 'plain' : 'with a variant',
    inverted(String(parts.length)),
    variant.replaceAll(/\d+/g, inverted),
    inverted(String(revision + 1)),
  ].join(' ')
}
