// What keeps lists from saying what may be had: their mistakes, and what means nothing there.

import type { AccessLists } from './access.ts'
import type { ListProblem, ParsedList } from './list-entry.ts'

/** None: the lists can be used. */
export function accessProblems({ allow, block }: AccessLists): readonly ListProblem[] {
  return [
    ...(allow?.problems ?? []),
    ...(block === undefined ? [] : [...block.problems, ...notBlocking(block)]),
  ]
}

/** Half of all people would read a "!" among blocks as an exception from them. */
function notBlocking({ entries, blocks }: ParsedList): readonly ListProblem[] {
  const exceptions = blocks.map(({ place }) => ({
    ...{ ...place, column: 1 },
    message: '"!" stands in an allow list: every line of a block list blocks what it names',
  }))
  const digests = entries
    .filter(({ selectors }) => selectors.some((each) => 'digest' in each && each.digest))
    .map(({ place }) => ({
      ...{ ...place, column: 1 },
      message: 'a digest cannot be blocked: block the repository, or the tags that lead to it',
    }))
  return [...exceptions, ...digests]
}
