// Which lines of a list others make superfluous. Upstream is not asked: only lines that write out their
// tags are held against others, and names with `*` against wider ones.

import type { RepositoryName, Tag } from '../oci/name.ts'
import { bareOf } from './bare.ts'
import type { EntryOptions, ListEntry } from './list-entry.ts'
import { isNamePattern, readNamePattern } from './name-pattern.ts'
import type { CanonicalName, NamePattern, Naming } from './name-pattern.ts'
import { selectTags, tagListNeed } from './select-tags.ts'
import type { TagRules } from './select-tags.ts'

/** More lines of one repository are not held against each other: nobody writes them by hand. */
const LINES_OF_A_REPOSITORY_MAX = 100
const WIDE_LINES_MAX = 2000
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

/** `others`: all lines of the same repository. */
export function coveringLine(
  entry: ListEntry,
  others: readonly ListEntry[],
  rules: TagRules,
): ListEntry | undefined {
  const tags = writtenTags(entry)
  if (tags === undefined || others.length > LINES_OF_A_REPOSITORY_MAX) return undefined
  const treated = treatmentOf(entry.options)
  return others.find(
    (other) =>
      other !== entry &&
      treatmentOf(other.options) === treated &&
      (entry.options.usedMs === undefined || entry.options.usedMs === other.options.usedMs) &&
      selectsAll(other, tags, rules),
  )
}

/** Undefined where a line means more than the tags it writes out. */
function writtenTags({ selectors }: ListEntry): readonly Tag[] | undefined {
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

function selectsAll(line: ListEntry, tags: readonly Tag[], rules: TagRules): boolean {
  // Which of them are the newest depends on what else there is.
  if (line.options.newest !== undefined) return false
  const listed = tagListNeed(line) === 'always' ? tags : undefined
  const { chosen } = selectTags(line, { listed, used: [] }, rules)
  const written = writtenTags(line)
  const isWider = written === undefined || written.length > tags.length
  return isWider && tags.every((tag) => chosen.some((each) => each.tag === tag))
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
  return wide.length > WIDE_LINES_MAX ? [] : wide
}

/** One that stands for all that the line stands for. */
export function widerLine(
  entry: ListEntry,
  wide: readonly WideLine[],
  naming: Naming,
): ListEntry | undefined {
  if (bareOf(entry) !== 'used') return undefined
  const treated = treatmentOf(entry.options)
  const examples = examplesOf(entry.name).flatMap((example) => {
    const meant = naming(example)
    return 'refused' in meant ? [] : [meant]
  })
  return wide.find(
    ({ entry: other, pattern }) =>
      other !== entry &&
      other.name !== entry.name &&
      examples.every((each) => isMeant(each, pattern)) &&
      treatmentOf(other.options) === treated,
  )?.entry
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
