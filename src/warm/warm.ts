// `regmirror warm` as a job of whoever owns the store; what it came to is kept.

import type { Talk } from '../care/jobs.ts'
import type {
  WarmAnswer,
  WarmAsk,
  WarmProgress,
  WarmReport,
  WarmResult,
  WarmRow,
} from '../care/warm-job.ts'
import type { WarmMirror } from '../mirror/warm-port.ts'
import type { Index } from '../store/index-port.ts'
import { failedList } from './failed-list.ts'
import { PINNED_BY_RUNS } from './finishing.ts'
import { clearsFailedList } from './kept-list.ts'
import { reportOf } from './last-runs.ts'
import { Run } from './run.ts'

export { PINNED_BY_RUNS } from './finishing.ts'

/** Of a run's id, where `ls` names the run. */
const ID_SHOWN = 8
/** Of one run, in the index: a few MiB. */
const RESULTS_KEPT_MAX = 5000
const WORTH: readonly WarmResult['status'][] = ['left', 'failed', 'warmed', 'stale', 'fresh']
/** For the one that wrote the list of what failed: a month of one a night. */
const RUNS_LOOKED_AT = 30

export type WarmIndex = Pick<
  Index,
  'pin' | 'unpinAll' | 'keepPins' | 'recordWarmRun' | 'lastWarmRuns'
>

export interface WarmOptions {
  /** Opened by the first run that needs it. */
  readonly mirror: () => WarmMirror | Promise<WarmMirror>
  readonly index: WarmIndex
  /** Keeps the list of what failed or was left, or removes the one before; where it is kept. */
  readonly saveFailedList: (text: string | undefined) => Promise<string | undefined>
  readonly now: () => number
  /** Rejects when the signal is aborted. */
  readonly sleep: (durationMs: number, signal: AbortSignal) => Promise<void>
  /** In [0, 1). */
  readonly random: () => number
}

type WarmTalk = Talk<WarmRow, WarmProgress>

/** `id` names the run in its report. */
export function warmJob(options: WarmOptions) {
  return async (ask: WarmAsk, talk: WarmTalk, id: string): Promise<WarmAnswer> => {
    const { index, now, sleep, random } = options
    const mirror = await options.mirror()
    const earlier = await earlierRuns(index, ask)
    const leftBefore = leftBy(earlier[0])
    const pinnedBy = `${PINNED_BY_RUNS} ${id.slice(0, ID_SHOWN)}`
    const isFirstRun = earlier.length === 0
    const parts = { mirror, index, pinnedBy, leftBefore, isFirstRun, now, sleep, random }
    const run = new Run(parts, ask, talk, id)
    if (ask.mode !== 'run') {
      return { kind: 'ended', report: await run.toReport(), failedList: undefined }
    }
    try {
      const report = await run.toReport()
      const text = failedList(ask.sources, report.results)
      const isSaved = text !== undefined || (await isCleared(index, report).catch(() => false))
      await record(index, report).catch((error: unknown) => tellUnrecorded(talk, error))
      const kept = isSaved ? await options.saveFailedList(text) : undefined
      return { kind: 'ended', report, failedList: kept }
    } finally {
      // On a disk that is full it may fail: then the next run does it, or the next owner at its start.
      await index.unpinAll(pinnedBy).catch(() => undefined)
    }
  }
}

/** The latest first; runs of other lists in between say nothing of these. */
async function earlierRuns(index: WarmIndex, { sources }: WarmAsk): Promise<readonly WarmReport[]> {
  const runs = (await index.lastWarmRuns(RUNS_LOOKED_AT)).map(reportOf)
  const isOf = (run: WarmReport): boolean =>
    sources.some(
      ({ name, path }) =>
        run.sources.includes(name) || (path !== undefined && run.paths?.includes(path) === true),
    )
  return runs.filter(isOf)
}

function leftBy(run: WarmReport | undefined): ReadonlySet<string> {
  const left = run?.results.filter(({ status }) => status === 'left') ?? []
  return new Set(left.map(({ reference }) => reference))
}

/** Whether the list that is there is taken away. */
async function isCleared(index: WarmIndex, report: WarmReport): Promise<boolean> {
  const runs = await index.lastWarmRuns(RUNS_LOOKED_AT)
  return clearsFailedList(report, runs.map(reportOf))
}

/** A disk that is full takes no report either; whoever asked gets it all the same. */
async function tellUnrecorded(talk: WarmTalk, error: unknown): Promise<void> {
  const text = `this run will not be found by warm --last: ${(error as Error).message}`
  await talk.rows([{ kind: 'notice', text }])
}

async function record(index: WarmIndex, { results, ...report }: WarmReport): Promise<void> {
  await index.recordWarmRun({
    startedAt: Date.parse(report.startedAt),
    report: JSON.stringify(report),
    results: JSON.stringify(worthKeeping(results)),
  })
}

/** Those that matter most, in the order of the list; the report's totals count all. */
function worthKeeping(results: WarmReport['results']): WarmReport['results'] {
  if (results.length <= RESULTS_KEPT_MAX) return results
  const rank = ({ status }: WarmResult): number => WORTH.indexOf(status)
  const kept = results.toSorted((one, other) => rank(one) - rank(other)).slice(0, RESULTS_KEPT_MAX)
  const isKept = new Set(kept)
  return results.filter((result) => isKept.has(result))
}
