// What is wrong with lists, as it is told to people.

import type { ListProblem } from '../list/list-entry.ts'

/** More are only counted. */
const PROBLEMS_TOLD_MAX = 100

export function problemLines(problems: readonly ListProblem[]): readonly string[] {
  const lines = problems.map(
    ({ source, line, column, message }) => `${source}:${line}:${column}: ${message}`,
  )
  const more = lines.length - PROBLEMS_TOLD_MAX
  return more > 0 ? [...lines.slice(0, PROBLEMS_TOLD_MAX), `and ${more} more`] : lines
}
