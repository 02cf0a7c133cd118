// What is wrong with lists, as it is told to people.

import type { ListProblem } from '../list/list-entry.ts'

/** More are only counted. */
export const PROBLEMS_TOLD_MAX = 100

export function problemLines(
  problems: readonly ListProblem[],
  max = PROBLEMS_TOLD_MAX,
): readonly string[] {
  const lines = problems.slice(0, max).map(problemLine)
  const more = problems.length - lines.length
  return more > 0 ? [...lines, `and ${more} more`] : lines
}

export function problemLine({ source, line, column, message }: ListProblem): string {
  return `${source}:${line}:${column}: ${message}`
}
