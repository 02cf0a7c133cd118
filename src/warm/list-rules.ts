// The lists of a run as they were read, and what each says beyond its lines. Pure.

import { JobRefused } from '../errors.ts'
import type { ListText, ParsedList } from '../list/list-entry.ts'
import { ListRules } from '../list/list-rules.ts'
import type { Naming } from '../list/name-pattern.ts'
import { parseList } from '../list/parse-list.ts'
import { isFailedList } from './kept-list.ts'

export interface WantedList {
  /**
   * By which it keeps what it means. Undefined: it comes once, as what is typed does, and the list of what
   * failed, whose lines another list keeps.
   */
  readonly path: string | undefined
  readonly parsed: ParsedList
  readonly rules: ListRules
}

/** As they were read before they were sent: what is wrong with one of them is a mistake of the sender. */
export function readLists(sources: readonly ListText[], naming: Naming): readonly WantedList[] {
  return sources.map((source) => {
    const parsed = parseList(source)
    const [problem] = parsed.problems
    if (problem) {
      const { line, column, message } = problem
      throw new JobRefused(`${problem.source}:${line}:${column}: ${message}`)
    }
    const path = isFailedList(source.name) ? undefined : source.path
    return { path, parsed, rules: new ListRules(parsed, naming) }
  })
}
