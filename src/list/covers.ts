// Which lines of a list others make superfluous. Upstream is not asked: only lines that write out their
// tags are held against others, and lines for what clients used against wider ones.

import type { RepositoryName, Tag } from '../oci/name.ts'
import { bareOf, usedWithinMs } from './bare.ts'
import type { EntryOptions, ListEntry } from './list-entry.ts'
import { isNamePattern, readNamePattern } from './name-pattern.ts'
import type { CanonicalName, NamePattern, Naming } from './name-pattern.ts'
import { maxOf, selectTags, tagListNeed } from './select-tags.ts'
import type { TagRules } from './select-tags.ts'

/** More lines of one repository are not held against each other: nobody writes them by hand. */
export const LINES_OF_A_REPOSITORY_MAX = 100
/** Lines times those with `*`: a second's work. */
const WIDE_PAIRS_MAX = 10_000_000
/** A component that no pattern has been written for. */
const ANY = 'x0any0x'

/** Lines are the same where they stand for the same images, and these are treated alike. */
export function meaningOf(entry: ListEntry, fullName: string): string {
  const { selectors, options } = entry
  return [fullName, ...selectors.map(inOrder).toSorted(byText), inOrder(options)].join('\n')
}

/** Whatever order keys and words were written in. */
function inOrder(value: object): string {
  const fields = Object.entries(value).map(([key, each]): [string, unknown] => [
    key,
    Array.isArray(each) ? each.map(String).toSorted(byText) : each,
  ])
  return JSON.stringify(fields.toSorted(([one], [other]) => byText(one, other)))
}

function byText(one: string, other: string): number {
  return one < other ? -1 : 1
}

export interface Covering {
  readonly line: ListEntry
  /** So many tags may match its pattern; with more of them it selects none. Undefined: it says the tags itself. */
  readonly tagsMax: number | undefined
}

/** `others`: all lines of the same repository. */
export function coveringLine(
  entry: ListEntry,
  others: readonly ListEntry[],
  rules: TagRules,
): Covering | undefined {
  const tags = writtenTags(entry)
  if (tags === undefined || others.length > LINES_OF_A_REPOSITORY_MAX) return undefined
  const treated = treatmentOf(entry.options)
  const wider = others.filter(
    (other) =>
      other !== entry &&
      treatmentOf(other.options) === treated &&
      (entry.options.usedMs === undefined || entry.options.usedMs === other.options.usedMs) &&
      isWider(other, tags),
  )
  const certain = wider.find((other) => selectsAll(other, tags, undefined, rules))
  if (certain) return { line: certain, tagsMax: undefined }
  const likely = wider.find(
    (other) =>
      // Which of them are the newest depends on what else there is.
      other.options.newest === undefined &&
      tagListNeed(other) === 'always' &&
      selectsAll(other, tags, tags, rules),
  )
  return likely && { line: likely, tagsMax: maxOf(likely) }
}

/** Undefined where a line means more than the tags it writes out. */
export function writtenTags({ selectors }: ListEntry): readonly Tag[] | undefined {
  const tags = selectors.flatMap((each) =>
    each.kind === 'tag' && each.digest === undefined ? [each.tag] : [],
  )
  return tags.length > 0 && tags.length === selectors.length ? tags : undefined
}

/** What a line says of its images beside which they are. */
function treatmentOf(options: EntryOptions): string {
  const { platforms, referrers, isOptional, every, keep, priority, maxSizeBytes } = options
  return inOrder({ platforms, referrers, isOptional, every, keep, priority, maxSizeBytes })
}

/** Of lines that write out the same tags none is wider. */
function isWider(line: ListEntry, tags: readonly Tag[]): boolean {
  const written = writtenTags(line)
  return written === undefined || written.length > tags.length
}

function selectsAll(
  line: ListEntry,
  tags: readonly Tag[],
  listed: readonly Tag[] | undefined,
  rules: TagRules,
): boolean {
  const { chosen } = selectTags(line, { listed, used: [] }, rules)
  // With a digest a tag stays where it is, whatever upstream makes of it.
  return tags.every((tag) => chosen.some((each) => each.tag === tag && each.digest === undefined))
}

/** A line that stands for many repositories. */
export interface WideLine {
  readonly entry: ListEntry
  readonly pattern: NamePattern
}

/** Of a list; none where there are so many that nobody has written them by hand. */
export function wideLines(entries: readonly ListEntry[], naming: Naming): readonly WideLine[] {
  const wide = entries.flatMap((entry) => {
    const pattern = isNamePattern(entry.name) ? readNamePattern(entry.name, naming) : undefined
    return pattern === undefined || 'refused' in pattern ? [] : [{ entry, pattern }]
  })
  return wide.length * entries.length > WIDE_PAIRS_MAX ? [] : wide
}

/** One that stands for all that the line stands for. */
export function widerLine(
  entry: ListEntry,
  wide: readonly WideLine[],
  naming: Naming,
): ListEntry | undefined {
  if (bareOf(entry) !== 'used') return undefined
  const treated = treatmentOf(entry.options)
  const isWithin = within(entry.name, naming)
  return wide.find(
    ({ entry: other, pattern }) =>
      other !== entry &&
      other.name !== entry.name &&
      isWithin(pattern) &&
      treatmentOf(other.options) === treated &&
      usesAll(other, entry),
  )?.entry
}

/** Whatever clients used of the line's. */
function usesAll(wide: ListEntry, entry: ListEntry): boolean {
  const { not = [] } = wide.options
  return (
    (usedWithinMs(wide) ?? 0) >= (usedWithinMs(entry) ?? 0) &&
    maxOf(wide) >= maxOf(entry) &&
    not.every((glob) => entry.options.not?.includes(glob))
  )
}

/** Whether all that is meant by a name is meant by a pattern. */
export function within(name: string, naming: Naming): (pattern: NamePattern) => boolean {
  const examples = examplesOf(name).flatMap((example) => {
    const meant = naming(example)
    return 'refused' in meant ? [] : [meant]
  })
  return (pattern) => examples.every((each) => isMeant(each, pattern))
}

function isMeant({ registry, name }: CanonicalName, pattern: NamePattern): boolean {
  return registry === pattern.registry && pattern.matches(name as RepositoryName)
}

/** Repositories that nothing else is called by: what is wide enough for these is for all. */
function examplesOf(name: string): readonly string[] {
  if (!isNamePattern(name)) return [name]
  return [ANY, `${ANY}/${ANY}`]
    .map((deep) => name.replaceAll('**', deep).replaceAll('*', ANY))
    .filter((example, index, all) => all.indexOf(example) === index)
}
