// Of which run the list of what failed is, and whether another run has done what it lists. Pure.

import { basename } from 'node:path'
import type { WarmReport, WarmResult } from '../care/warm-job.ts'
import { COMMAND_LINE } from './same-ask.ts'

/** How the file is called; the store says in which folder. */
const FAILED_LIST = 'warm-failed.txt'

/** What was left for the budget waits for a smaller list, or a larger store: no other run gets it. */
export function isRetried({
  status,
  cause,
}: Pick<WarmResult, 'status'> & Partial<Pick<WarmResult, 'cause'>>): boolean {
  return status === 'failed' || (status === 'left' && cause !== 'budget')
}

export function isFailedList(source: string): boolean {
  return basename(source) === FAILED_LIST
}

/**
 * Whether a run in which nothing failed or was left makes the list of an earlier one needless: it was a
 * run of that list, of the same files, or of every image that is in it. Another list's success says
 * nothing, and so the list stays for who wants to try it again.
 */
export function clearsFailedList(
  { sources, results }: Pick<WarmReport, 'sources' | 'results'>,
  earlier: readonly Pick<WarmReport, 'sources' | 'results'>[],
): boolean {
  if (sources.some(isFailedList)) return true
  const writer = earlier.find(
    (run) => !run.sources.every(isCommandLine) && run.results.some(isRetried),
  )
  if (!writer) return false
  if (writer.sources.every((name) => isFile(name) && sources.includes(name))) return true
  const unfinished = writer.results.filter(isRetried)
  const done = new Set(results.map(({ reference }) => reference))
  return unfinished.every(({ reference }) => done.has(reference))
}

/** The others are another list each time. */
function isFile(source: string): boolean {
  return !isCommandLine(source) && source !== 'standard input'
}

function isCommandLine(source: string): boolean {
  return source === COMMAND_LINE
}
