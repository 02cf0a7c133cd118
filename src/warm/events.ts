// What runs of `warm` did in a server, one function per event, for the log. Who ran the command is told
// by the command itself.

import type { WarmReport, WarmResult } from '../care/warm-job.ts'
import type { Logger } from '../lib/log.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import { sourcesText } from './desk-words.ts'
import type { WarmDeskEvents } from './desk.ts'

/** A list that fails as a whole would push everything else out of the log. */
const FAILURES_LOGGED_MAX = 100

export function logWarmEvents(log: Logger): WarmDeskEvents {
  return {
    begun(ask) {
      log.info(`warming ${sourcesText(ask)}`, { platforms: ask.platforms })
    },
    ended(report) {
      const failures = report.results.filter(({ status }) => status === 'failed')
      for (const result of failures.slice(0, FAILURES_LOGGED_MAX)) logFailure(log, result)
      const { run, outcome, because, totals } = report
      const more = because === undefined ? '' : `: ${because}`
      log.info(`warming has ended: ${totalsText(report)}${more}`, { run, outcome, ...totals })
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

function logFailure(log: Logger, { reference, because, cause, places }: WarmResult): void {
  const [place] = places
  const where = place === undefined ? '' : ` (${place.source}:${place.line})`
  log.warn(`cannot warm ${reference}${where}: ${because}`, { reference, cause })
}

/** `21 warmed, 14 fresh, 2 failed, 0 left of 37 images in 41 min (6.4 GiB)` */
function totalsText({ totals, startedAt, endedAt }: WarmReport): string {
  const { warmed, fresh, failed, left, references, bytesNew } = totals
  const took = formatElapsed(Math.max(0, Date.parse(endedAt) - Date.parse(startedAt)))
  return (
    `${warmed} warmed, ${fresh} fresh, ${failed} failed, ${left} left of ${references} images ` +
    `in ${took} (${formatBytes(bytesNew)})`
  )
}
