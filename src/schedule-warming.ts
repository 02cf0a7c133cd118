// A configuration and a running store become the list that is warmed by itself. Nothing is decided here.

import { WARM_JOBS } from './config/config.ts'
import type { Config } from './config/config.ts'
import type { Logger } from './lib/log.ts'
import { machinePlatform } from './lib/machine-platform.ts'
import type { Clock } from './lib/wall-clock.ts'
import { WatchedList } from './list-files/watched-list.ts'
import type { OwnedStore } from './own-store.ts'
import { reportOf } from './warm/last-runs.ts'
import { logScheduleEvents } from './warm/schedule-events.ts'
import { WarmScheduler } from './warm/scheduler.ts'

export interface ScheduleParts {
  readonly config: Config
  readonly log: Logger
  readonly owned: Pick<OwnedStore, 'store' | 'jobs'>
  readonly clock: Clock
}

/** Of the list at `file`. */
export function scheduleWarming(
  file: string,
  { config, log, owned, clock }: ScheduleParts,
): WarmScheduler {
  const list = new WatchedList(file)
  const { index } = owned.store
  return new WarmScheduler({
    source: list,
    at: config.warm?.at,
    ask: { platforms: [machinePlatform()], jobs: WARM_JOBS },
    warm: owned.jobs.warm,
    lastRun: async () => (await index.lastWarmRunsOf([list.path], 1)).map(reportOf)[0],
    events: logScheduleEvents(list.path, warmCommand(list.path, config), log),
    clock,
  })
}

function warmCommand(path: string, { data, isDataUsual }: Config): string {
  const where = isDataUsual ? [] : ['--data', data]
  return ['regmirror', 'warm', ...where, path].join(' ')
}
