// What was found after a start that did not follow an orderly stop, for the log.

import type { Logger } from '../lib/log.ts'
import { formatElapsed } from '../lib/units.ts'
import type { PendingCheck } from '../store/index-port.ts'

export interface Recovered {
  /** Stored content that the index did not know of. */
  adopted: number
  /** Rows of content that is not there. */
  forgotten: number
  /** Manifests whose bytes in the index were wrong. */
  damagedManifests: number
  /** Read out of the damaged index that this one replaces. */
  salvagedRows: number
  /** Files that cannot be looked at. */
  unreadable: number
  tookMs: number
}

export function nothingFound(): Recovered {
  return {
    ...{ adopted: 0, forgotten: 0, damagedManifests: 0 },
    ...{ salvagedRows: 0, unreadable: 0, tookMs: 0 },
  }
}

export interface RecoveryEvents {
  /** The index is made again from what is stored; `from`: where the damaged one lies. */
  rebuildBegun(from: string | undefined): void
  recovered(kind: PendingCheck['kind'], found: Recovered): void
  /** The index in use is damaged, and will be made again at the next start. */
  indexDamaged(sentence: string): void
  recoveryFailed(because: string): void
  /** By a mistake of the program: what runs beside the pulls has ended, and they go on. */
  upkeepFailed(because: string): void
}

export function logRecoveryEvents(log: Logger): RecoveryEvents {
  return {
    rebuildBegun(from) {
      const why =
        from === undefined
          ? 'there is no index'
          : `the index was damaged, and lies in ${from} to be looked at`
      log.warn(`${why}: a new one is made from what is stored`, { from })
    },
    recovered(kind, found) {
      const { adopted, forgotten, damagedManifests, salvagedRows, unreadable, tookMs } = found
      const what =
        kind === 'rebuild'
          ? `the index is made again: ${salvagedRows} rows of the old one, `
          : 'the store was checked after a stop in mid-work: '
      const bad = damagedManifests === 0 ? '' : `, ${damagedManifests} manifests were damaged`
      const left = unreadable === 0 ? '' : `, ${unreadable} files cannot be read`
      const rows = `${forgotten} rows without a file forgotten`
      const counts = `${adopted} files taken over, ${rows}${bad}${left}`
      log.info(`${what}${counts}, ${formatElapsed(tookMs)}`, { ...found })
    },
    indexDamaged(sentence) {
      log.error(`${sentence}; pulls go on`)
    },
    recoveryFailed(because) {
      log.error(`the store could not be checked; the next start tries again: ${because}`)
    },
    upkeepFailed(because) {
      log.error(`the store is served, and no longer checked until the next start: ${because}`)
    },
  }
}
