// Why tags fall away from a line, counted, with some examples. Pure.

import type { WarmLine } from '../care/warm-job.ts'
import type { DropReason } from '../list/list-entry.ts'
import type { Selection } from '../list/select-tags.ts'

/** Of each reason. */
const DROPPED_SHOWN_MAX = 5

/** In the order in which the first of each fell away. */
export function tally(dropped: Selection['dropped']): WarmLine['dropped'] {
  const counts = new Map<DropReason, { count: number; readonly examples: string[] }>()
  for (const { tag, because } of dropped) {
    const counted = counts.get(because) ?? { count: 0, examples: [] }
    counts.set(because, counted)
    counted.count += 1
    if (counted.examples.length < DROPPED_SHOWN_MAX) counted.examples.push(tag)
  }
  return Array.from(counts, ([because, counted]) => ({ because, ...counted }))
}

const IN_WORDS: Readonly<Record<DropReason, string>> = {
  'no-tag': 'impossible as tags',
  unmatched: 'unmatched',
  semver: 'outside semver=',
  variant: 'of another variant',
  excluded: 'excluded by @exclude',
  not: 'excluded by not=',
  blocked: 'blocked by "!"',
  'no-version': 'without a version',
  prerelease: 'prereleased',
  'same-version': 'of a version with a better tag',
  older: 'older',
}

/** `150 unmatched, 1 blocked by "!"` */
export function dropText(dropped: WarmLine['dropped']): string {
  return dropped.map(({ because, count }) => `${count} ${IN_WORDS[because]}`).join(', ')
}
