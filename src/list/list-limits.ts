// How much there may be in one list, with all it includes, of what is costly to read or to use. Nobody
// writes so much by hand.

import type { ParsedList } from './list-entry.ts'

/** Each is told with what may have been meant. */
const PROBLEMS_MAX = 1000
/** Lines, each with one. */
const REGEXES_MAX = 2000
/** Patterns: each tag that is listed anywhere is held against all of them. */
const EXCLUDES_MAX = 512
const REGISTRIES_MAX = 256
const WINDOWS_MAX = 64

/** A sentence about the first that is passed. */
export function limitPassed(parsed: ParsedList, regexes: number): string | undefined {
  const { problems, excludes, registries, windows } = parsed
  if (problems.length > PROBLEMS_MAX) {
    return `these are more than ${PROBLEMS_MAX} problems: what follows was not read`
  }
  if (regexes > REGEXES_MAX) {
    return `a list has at most ${REGEXES_MAX} regular expressions: write globs of tags`
  }
  if (excludes.length > EXCLUDES_MAX) {
    return `all @exclude lines of a list have at most ${EXCLUDES_MAX} patterns: write wider ones`
  }
  if (registries.length > REGISTRIES_MAX) {
    return `a list has at most ${REGISTRIES_MAX} @registry lines: leave out what changes nothing`
  }
  if (windows.length > WINDOWS_MAX) {
    return `a list has at most ${WINDOWS_MAX} @window lines: leave out what changes nothing`
  }
  return undefined
}
