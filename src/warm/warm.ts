// `regmirror warm` as a job of whoever owns the store; what it came to is kept.

import type { Talk } from '../care/jobs.ts'
import type { WarmAnswer, WarmAsk, WarmProgress, WarmReport, WarmRow } from '../care/warm-job.ts'
import type { WarmMirror } from '../mirror/warm-port.ts'
import type { Index, WarmRunRow } from '../store/index-port.ts'
import { failedList } from './failed-list.ts'
import { clearsFailedList } from './kept-list.ts'
import { begunRowOf, listsOf, PINNED_BY_RUNS, reportOf, rowOf } from './last-runs.ts'
import { Run } from './run.ts'
import { isTyped } from './same-ask.ts'

/** Of a run's id, where `ls` names the run. */
const ID_SHOWN = 8
/** For one with results: those that are killed have none. */
const RUNS_LOOKED_AT = 10

export type WarmIndex = Pick<
  Index,
  | 'pin'
  | 'unpinAll'
  | 'keepPins'
  | 'endLeft'
  | 'beginWarmRun'
  | 'forgetBegunWarmRun'
  | 'recordWarmRun'
  | 'lastWarmRunsOf'
  | 'lastWarmRunOfEach'
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
    const isOfList = !ask.sources.every(isTyped)
    const earlier = await index.lastWarmRunsOf(listsOf(ask), RUNS_LOOKED_AT)
    const leftBefore = leftBy(earlier.find(({ results }) => results !== undefined))
    const pinnedBy = `${PINNED_BY_RUNS} ${id.slice(0, ID_SHOWN)}`
    const isFirstRun = isOfList && earlier.length === 0
    const parts = { mirror, index, pinnedBy, leftBefore, isFirstRun, now, sleep, random }
    const run = new Run(parts, ask, talk, id)
    if (ask.mode !== 'run') {
      return { kind: 'ended', report: await run.toReport(), failedList: undefined }
    }
    // On a disk that takes no more the run may still find that all is fresh.
    if (isOfList) await index.beginWarmRun(begunRowOf(ask, id, now())).catch(() => undefined)
    try {
      const report = await run.toReport()
      // What is typed is typed again: the list of what failed is of lists.
      const kept = isOfList ? await saveFailed(options, ask, report) : undefined
      await index
        .recordWarmRun(rowOf(report, ask))
        .catch((error: unknown) => tellUnrecorded(talk, error))
      return { kind: 'ended', report, failedList: kept }
    } catch (error) {
      // Else it would seem killed, and a schedule would begin again what was refused.
      if (isOfList) await index.forgetBegunWarmRun(listsOf(ask)).catch(() => undefined)
      throw error
    } finally {
      // On a disk that is full it may fail: then the next run does it, or the next owner at its start.
      await index.unpinAll(pinnedBy).catch(() => undefined)
    }
  }
}

function leftBy(run: WarmRunRow | undefined): ReadonlySet<string> {
  const left = run && reportOf(run).results.filter(({ status }) => status === 'left')
  return new Set(left?.map(({ reference }) => reference))
}

/** What failed, as a list; where nothing did, the one of an earlier run may be needless by now. */
async function saveFailed(
  { index, saveFailedList }: WarmOptions,
  { sources }: WarmAsk,
  report: WarmReport,
): Promise<string | undefined> {
  const text = failedList(sources, report.results)
  const isSaved = text !== undefined || (await isCleared(index, report).catch(() => false))
  return isSaved ? await saveFailedList(text) : undefined
}

async function isCleared(index: WarmIndex, report: WarmReport): Promise<boolean> {
  const runs = await index.lastWarmRunOfEach()
  return clearsFailedList(report, runs.map(reportOf))
}

/** A disk that is full takes no report either; whoever asked gets it all the same. */
async function tellUnrecorded(talk: WarmTalk, error: unknown): Promise<void> {
  const text = `this run will not be found by warm --last: ${(error as Error).message}`
  await talk.rows([{ kind: 'notice', text }])
}
