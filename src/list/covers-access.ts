// Which lines others make superfluous in a list that says what may be had.

import { tagsOfEntry } from './access-tags.ts'
import { LINES_OF_A_REPOSITORY_MAX, within, writtenTags } from './covers.ts'
import type { WideLine } from './covers.ts'
import type { ListEntry } from './list-entry.ts'
import type { Naming } from './name-pattern.ts'

/** `others`: all lines of the same name. Of two that rule the same it is the first. */
export function rulingLine(
  entry: ListEntry,
  others: readonly ListEntry[],
  wide: readonly WideLine[],
  naming: Naming,
): ListEntry | undefined {
  const isWithin = within(entry.name, naming)
  const wider = wide.find(
    ({ entry: other, pattern }) =>
      other.name !== entry.name && rulesEveryTag(other) && isWithin(pattern),
  )
  if (wider) return wider.entry
  if (others.length > LINES_OF_A_REPOSITORY_MAX) return undefined
  const above = others.slice(0, others.indexOf(entry))
  return rulesEveryTag(entry)
    ? above.find(rulesEveryTag)
    : others.find((other) => rulesEveryTag(other) || rulesMore(other, entry))
}

function rulesEveryTag(entry: ListEntry): boolean {
  return tagsOfEntry(entry) === 'every tag'
}

/** Both write out their tags. */
function rulesMore(other: ListEntry, entry: ListEntry): boolean {
  const more = writtenTags(other) ?? []
  const tags = writtenTags(entry)
  return tags !== undefined && more.length > tags.length && tags.every((tag) => more.includes(tag))
}
