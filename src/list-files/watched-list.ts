// A list that is warmed by itself, edited while it is.

import type { ListText, ParsedList } from '../list/list-entry.ts'
import { parseList } from '../list/parse-list.ts'
import { problemLines } from './problem-lines.ts'
import { readListFile } from './read-list.ts'
import { WatchedFiles } from './watched-files.ts'
import type { ReadFiles } from './watched-files.ts'

export interface RightList {
  readonly list: ListText
  readonly parsed: ParsedList
}

export class WatchedList extends WatchedFiles<RightList> {
  readonly path: string

  /** Throws ConfigError with every problem. */
  constructor(path: string) {
    super(() => readRight(path))
    this.path = path
  }
}

function readRight(path: string): ReadFiles<RightList> {
  const { list, problems, files } = readListFile(path)
  // What could not be included is told once.
  if (list === undefined || problems.length > 0) return { right: undefined, problems, files }
  const parsed = parseList(list)
  const wrong = [...problemLines(parsed.problems)]
  if (parsed.entries.length === 0 && wrong.length === 0) {
    wrong.push(`there is no image in ${path}: write one on each line, such as nginx:1.25`)
  }
  return { right: wrong.length === 0 ? { list, parsed } : undefined, problems: wrong, files }
}
