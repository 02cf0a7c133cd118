// `warm --last`: what the last runs came to, as the index keeps it.

import type { Jobs } from '../care/jobs.ts'
import type { WarmReport } from '../care/warm-job.ts'
import type { Index, WarmRunRow } from '../store/index-port.ts'

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
