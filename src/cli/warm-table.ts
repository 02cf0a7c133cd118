// The tables of `warm --plan`, what each registry will be asked for, and of `warm --last`. Pure.

import type { WarmPrice, WarmReport, WarmResult } from '../care/warm-job.ts'
import { formatLocalTime } from '../lib/time-of-day.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import { columnsText } from './columns.ts'
import type { Column } from './columns.ts'
import { printable } from './printable.ts'
import { shortName } from './warm-display-progress.ts'
import { COMMAND_LINE } from './warm-sources.ts'
import { count, failureLine, isSourceNamed, placesOf } from './warm-words.ts'

const PLAN_COLUMNS: readonly Column[] = [
  { title: 'REGISTRY', shrinksTo: 12 },
  { title: 'FRESH', align: 'right' },
  { title: 'TO FETCH', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'PULLS AT MOST', align: 'right' },
  { title: 'PULLS LEFT', align: 'right' },
  { title: 'RESERVE', align: 'right' },
]

const RUN_COLUMNS: readonly Column[] = [
  { title: 'STARTED' },
  { title: 'TOOK', align: 'right' },
  { title: 'LISTS', shrinksTo: 8 },
  { title: 'WARMED', align: 'right' },
  { title: 'FRESH', align: 'right' },
  { title: 'FAILED', align: 'right' },
  { title: 'LEFT', align: 'right' },
  { title: 'NEW', align: 'right' },
  { title: 'ENDED' },
]

const ENDED: Record<WarmReport['outcome'], string> = {
  interrupted: 'interrupted',
  nothing: 'nothing done',
  'over-budget': 'over budget',
  failures: 'with failures',
  stale: 'stale',
  left: 'with a rest',
  done: 'done',
}

const UNKNOWN = '-'

/** `width`: of the terminal; undefined in a pipe, where nothing is cut. */
export function planTable(
  { registries }: Pick<WarmPrice, 'registries'>,
  results: readonly Pick<WarmResult, 'registry' | 'status'>[],
  width: number | undefined,
): string {
  const rows = registries.map((each) => {
    const of = results.filter(({ registry }) => registry === each.registry)
    const statuses = (status: WarmResult['status']): string =>
      String(of.filter((result) => result.status === status).length)
    return [
      printable(each.registry),
      statuses('fresh'),
      statuses('stale'),
      statuses('failed'),
      String(each.plannedPulls),
      told(each.remainingBefore, each.quotaLimit),
      told(each.reserve),
    ]
  })
  return columnsText(PLAN_COLUMNS, rows, width)
}

/** The latest first. */
export function runsTable(runs: readonly WarmReport[], width: number | undefined): string {
  const rows = runs.map((run) => [
    formatLocalTime(Date.parse(run.startedAt)),
    formatElapsed(Date.parse(run.endedAt) - Date.parse(run.startedAt)),
    printable(run.sources.map((source) => listText(source, run)).join(', ')),
    String(run.totals.warmed),
    String(run.totals.fresh),
    String(run.totals.failed),
    String(run.totals.left),
    formatBytes(run.totals.bytesNew),
    ENDED[run.outcome],
  ])
  return columnsText(RUN_COLUMNS, rows, width)
}

/** What was typed has no name: the first of its images, where they are still known, or how many. */
function listText(source: string, { sources, results, totals }: WarmReport): string {
  if (source !== COMMAND_LINE) return source
  const typed = results.filter(({ places }) => places.some((place) => place.source === source))
  const [first] = typed
  if (first === undefined) return sources.length > 1 ? source : count(totals.references, 'image')
  const more = typed.length > 1 ? ` and ${typed.length - 1} more` : ''
  return shortName(first.reference) + more
}

/** What a run did not get, a line each. */
export function runFailures({ results, sources }: WarmReport): string {
  const isNamed = isSourceNamed(sources, placesOf(results))
  return results
    .filter(({ status }) => status === 'failed' || status === 'left')
    .toSorted((one, other) => one.status.localeCompare(other.status))
    .map((result) => `${failureLine(result, isNamed)}\n`)
    .join('')
}

/** `57 of 100` */
function told(remaining: number | undefined, limit?: number): string {
  if (remaining === undefined) return UNKNOWN
  return limit === undefined ? String(remaining) : `${remaining} of ${limit}`
}
