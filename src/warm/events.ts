// What runs of `warm` did in a server, one function per event, for the log. Who ran the command is told
// by the command itself.

import type { WarmReport, WarmResult } from '../care/warm-job.ts'
import type { Logger } from '../lib/log.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import { sourcesText } from './desk-words.ts'
import type { WarmDeskEvents } from './desk.ts'

/** What somebody may have to do something about. */
const WARNED: readonly WarmReport['outcome'][] = ['nothing', 'over-budget', 'failures']
/** A list that fails as a whole would push everything else out of the log. */
const FAILURES_LOGGED_MAX = 100

export function logWarmEvents(log: Logger): WarmDeskEvents {
  return {
    begun(ask) {
      log.info(`warming ${sourcesText(ask)}`, { platforms: ask.platforms })
    },
    ended(ask, report) {
      const failures = report.results.filter(({ status }) => status === 'failed')
      const unkept = report.results.filter(isOverBudget)
      for (const result of [...failures, ...unkept].slice(0, FAILURES_LOGGED_MAX)) {
        logFailure(log, result)
      }
      const { run, outcome, because, totals } = report
      const isWarned = WARNED.includes(outcome)
      const more = [
        ...(because === undefined ? [] : [`: ${because}`]),
        ...(isWarned ? ['; what came of each: regmirror warm --last 1'] : []),
      ].join('')
      const text = `warming ${sourcesText(ask)} has ended: ${totalsText(report)}${more}`
      log[isWarned ? 'warn' : 'info'](text, { run, outcome, ...totals })
    },
    failed(ask, error) {
      const { message } = error as Error
      log.warn(`warming ${sourcesText(ask)} failed: ${message}`, { error })
    },
  }
}

/** For a command that warms by itself. */
export const silentWarmEvents: WarmDeskEvents = {
  begun: () => {},
  ended: () => {},
  failed: () => {},
}

function logFailure(log: Logger, result: WarmResult): void {
  const { reference, because, cause, places } = result
  const [place] = places
  const where = place === undefined ? '' : ` (${place.source}:${place.line})`
  const what = isOverBudget(result) ? 'over the budget:' : 'cannot warm'
  log.warn(`${what} ${reference}${where}: ${because}`, { reference, cause })
}

/** No run gets it before the list is smaller, or the store larger. */
function isOverBudget({ cause }: WarmResult): boolean {
  return cause === 'budget'
}

/** `21 warmed, 14 fresh, 2 failed, 0 left of 37 images in 41 min (6.4 GiB)` */
function totalsText({ totals, startedAt, endedAt, results }: WarmReport): string {
  const { warmed, fresh, failed, references, bytesNew } = totals
  const unkept = results.filter((result) => result.status === 'left' && isOverBudget(result)).length
  const left = `${totals.left - unkept} left${unkept > 0 ? `, ${unkept} over the budget` : ''}`
  const took = formatElapsed(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)))
  return (
    `${warmed} warmed, ${fresh} fresh, ${failed} failed, ${left} of ${references} images ` +
    `in ${took} (${formatBytes(bytesNew)})`
  )
}
