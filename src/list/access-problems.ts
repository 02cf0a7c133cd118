// What keeps lists from saying what may be had: their mistakes, and what means nothing there.

import { namingIn } from './access.ts'
import type { AccessLists } from './access.ts'
import type { Block, ListEntry, ListProblem, ParsedList } from './list-entry.ts'
import type { Naming } from './name-pattern.ts'
import type { Steps } from './steps.ts'

/** None: the lists can be used. */
export function accessProblems({ allow, block }: AccessLists): readonly ListProblem[] {
  return [
    ...(allow?.problems ?? []),
    ...(block === undefined ? [] : [...block.problems, ...notBlocking(block)]),
  ]
}

/** What counts for nothing, because the mirror does not serve the registry. */
export function* unservedLines(
  list: ParsedList,
  naming: Naming,
): Steps<{ readonly entries: readonly ListProblem[]; readonly blocks: readonly ListProblem[] }> {
  const inList = namingIn(list, naming)
  const entries = yield* unserved(list.entries, inList)
  return { entries, blocks: yield* unserved(list.blocks, inList) }
}

function* unserved(
  lines: readonly (ListEntry | Block)[],
  naming: Naming,
): Steps<readonly ListProblem[]> {
  const problems: ListProblem[] = []
  for (const { name, place } of lines) {
    yield
    const meant = naming(name)
    if (!('refused' in meant)) continue
    problems.push({
      ...place,
      column: 1,
      message: `this line counts for nothing: ${meant.refused}`,
    })
  }
  return problems
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
