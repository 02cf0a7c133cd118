// A list that is warmed by itself, edited while it is.

import type { ListText, ParsedList } from '../list/list-entry.ts'
import { parseList, parsingList } from '../list/parse-list.ts'
import type { Steps } from '../list/steps.ts'
import { problemLines } from './problem-lines.ts'
import { WatchedFiles } from './watched-files.ts'
import type { ReadTexts, Understood } from './watched-files.ts'

export interface RightList {
  readonly list: ListText
  readonly parsed: ParsedList
}

export class WatchedList extends WatchedFiles<RightList> {
  readonly path: string

  /** Where it is wrong or missing it is an empty one until it is right. */
  constructor(path: string) {
    const list = { name: path, path, text: '' }
    super([path], understanding, { list, parsed: parseList(list) })
    this.path = path
  }
}

function* understanding([list]: ReadTexts): Steps<Understood<RightList>> {
  if (list === undefined) return { right: undefined, problems: [] }
  const parsed = yield* parsingList(list)
  const problems = [...problemLines(parsed.problems)]
  if (parsed.entries.length === 0 && problems.length === 0) {
    problems.push(
      `there is no image in ${list.name}: write one on each line, such as nginx:1.25; to let go of ` +
        'what it kept, delete the file and run regmirror gc',
    )
  }
  return { right: problems.length === 0 ? { list, parsed } : undefined, problems }
}
