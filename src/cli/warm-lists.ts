// The lists of `warm`, read and understood before anything is opened or asked.

import type { WarmSource } from '../care/warm-job.ts'
import type { ListProblem, ParsedList } from '../list/list-entry.ts'
import { problemLine, PROBLEMS_TOLD_MAX } from '../list-files/problem-lines.ts'
import { readSources } from './warm-sources.ts'

export interface ReadLists {
  readonly sources: readonly WarmSource[]
  readonly problems: readonly string[]
}

export async function readLists(words: readonly string[]): Promise<ReadLists> {
  if (words.length === 0) {
    return { sources: [], problems: ['name a list or images: regmirror warm mirror.txt'] }
  }
  const { sources, problems } = readSources(words)
  if (problems.length > 0) return { sources, problems }
  const { parseList } = await import('../list/parse-list.ts')
  return { sources, problems: listProblems(sources.map((source) => parseList(source))) }
}

/** Every problem with its place, then how many; or that there is nothing at all. */
export function listProblems(lists: readonly ParsedList[]): readonly string[] {
  const problems = lists.flatMap((list) => list.problems)
  if (problems.length > 0) return problemSentences(problems, 'nothing was done')
  if (lists.some(({ entries }) => entries.length > 0)) return []
  return [
    'there is no image in the list: write one on each line, such as nginx:1.25; to let go of what it ' +
      'kept, delete the file and run regmirror gc',
  ]
}

/** Then how many; `after` says what became of it: `nothing was done`. */
export function problemSentences(
  problems: readonly ListProblem[],
  after: string,
): readonly string[] {
  if (problems.length === 0) return []
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`
  const where = [...new Set(problems.map(({ source }) => source))]
  return [
    ...problems.slice(0, PROBLEMS_TOLD_MAX).map(problemLine),
    `${count} in ${where.join(', ')}: ${after}`,
  ]
}
