// What runs came to, as the index keeps it, also of one that is killed: for `warm --last`, for what comes
// first in the next run, and for a schedule.

import type { Jobs } from '../care/jobs.ts'
import type { WarmAsk, WarmReport, WarmResult } from '../care/warm-job.ts'
import type { Index, WarmRunRow } from '../store/index-port.ts'
import { reportOf as newReport } from './report.ts'

/** Who pins what runs found or brought, until their end; each with a name of its own behind a space. */
export const PINNED_BY_RUNS = 'warm (running)'

/** Of one run, in the index: a few MiB. */
const RESULTS_KEPT_MAX = 5000
const WORTH: readonly WarmResult['status'][] = ['left', 'failed', 'warmed', 'stale', 'fresh']

export function runsJob(index: Pick<Index, 'lastWarmRuns'>): Jobs['runs'] {
  return async ({ count }) => ({ runs: (await index.lastWarmRuns(count)).map(reportOf) })
}

/** Without the results of each image where those were kept no longer. */
export function reportOf({ report, results }: WarmRunRow): WarmReport {
  const told = JSON.parse(report) as Omit<WarmReport, 'results'>
  return { ...told, results: results === undefined ? [] : parsedResults(results) }
}

function parsedResults(results: string): WarmReport['results'] {
  return JSON.parse(results) as WarmReport['results']
}

/** By what its lists are remembered. */
export function listsOf({ sources }: Pick<WarmAsk, 'sources'>): readonly string[] {
  return sources.map(({ name, path }) => path ?? name)
}

export function rowOf({ results, ...report }: WarmReport, ask: WarmAsk): WarmRunRow {
  return {
    startedAt: Date.parse(report.startedAt),
    lists: listsOf(ask),
    report: JSON.stringify(report),
    results: JSON.stringify(worthKeeping(results)),
  }
}

/** What a run that has begun has come to, unless it lives to tell more. */
export function begunRowOf(ask: WarmAsk, run: string, startedAtMs: number): WarmRunRow {
  const told = { ask, run, startedAtMs, endedAtMs: startedAtMs, results: [], registries: [] }
  const because = 'the regmirror that ran it was stopped or killed before it ended'
  return {
    ...rowOf(newReport({ ...told, outcome: 'interrupted', because }), ask),
    results: undefined,
  }
}

/** Those that matter most, in the order of the list; the report's totals count all. */
function worthKeeping(results: WarmReport['results']): WarmReport['results'] {
  if (results.length <= RESULTS_KEPT_MAX) return results
  const rank = ({ status }: WarmResult): number => WORTH.indexOf(status)
  const kept = results.toSorted((one, other) => rank(one) - rank(other)).slice(0, RESULTS_KEPT_MAX)
  const isKept = new Set(kept)
  return results.filter((result) => isKept.has(result))
}
