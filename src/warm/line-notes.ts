// What is worth a word about a line that is no failure, as sentences. Pure.

import type { ChosenBy, ListEntry } from '../list/list-entry.ts'
import { bareOf } from '../list/bare.ts'
import type { Selection } from '../list/select-tags.ts'
import type { ListedTags } from '../mirror/warm-port.ts'

/** From so many on it is worth a word what lines without tags mean. */
const BARE_LINES = 20
const UNUSED_SHOWN_MAX = 3

export function onlyTheFirst(count: number): string {
  return `only the first ${count} tags of its repository are listed: there may be more that match`
}

export function onlyUsed(name: string, tags: number, repositories: number): string {
  const ofThem = `${repositories} ${repositories === 1 ? 'repository' : 'repositories'}`
  const used = tags === 0 ? 'which is none' : `${tags} ${tags === 1 ? 'tag' : 'tags'} of ${ofThem}`
  return `${name}: registries do not tell what is under a name, so it stands for what clients used lately, ${used}`
}

export function ofSelection(entry: ListEntry, { dropped, usedOver }: Selection): readonly string[] {
  const written = new Set<string>(
    entry.selectors.flatMap((each) => (each.kind === 'tag' ? [each.tag] : [])),
  )
  const blocked = dropped.filter(({ tag, because }) => because === 'blocked' && written.has(tag))
  return [
    ...blocked.map(({ tag }) => `the tag ${tag} is blocked by a "!" line of the list`),
    ...(usedOver > 0 ? [`clients used ${usedOver} more tags than max= lets it keep`] : []),
  ]
}

/** Of lines that stand for what clients used: nobody did. */
export function unused(names: readonly string[]): string {
  const shown = names.slice(0, UNUSED_SHOWN_MAX).join(', ')
  const more = names.length - UNUSED_SHOWN_MAX
  return `clients used nothing lately of ${shown}${more > 0 ? ` and ${more} more` : ''}`
}

export function ofImage(by: ChosenBy, found: ListedTags | undefined): string | undefined {
  if (by === 'newest-version') return 'it has no tag latest: this is its newest version'
  return by === 'pattern' && found?.isCut ? onlyTheFirst(found.tags.length) : undefined
}

/** On the first run of a list. */
export function meaningOfBare(entries: readonly ListEntry[]): string | undefined {
  const bare = entries.filter((entry) => bareOf(entry) === 'latest+used')
  const isChosen = entries.some(({ options }) => options.bare !== undefined)
  if (isChosen || bare.length <= BARE_LINES) return undefined
  return (
    `${bare.length} lines name no tag: they stand for "latest" and what clients used in the last 30 days; ` +
    'for something else write "@defaults bare=versions" (or latest, used, all) above them'
  )
}
