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
  tookMs: number
}

export interface RecoveryEvents {
  /** The index is made again from what is stored; `from`: where the damaged one lies. */
  rebuildBegun(from: string | undefined): void
  recovered(kind: PendingCheck['kind'], found: Recovered): void
  /** The index in use is damaged, and will be made again at the next start. */
  indexDamaged(sentence: string): void
  recoveryFailed(because: string): void
}

export function logRecoveryEvents(log: Logger): RecoveryEvents {
  return {
    rebuildBegun(from) {
      const why =
        from === undefined ? 'there was none' : `the old one is damaged and lies in ${from}`
      log.warn(`the index is made again from what is stored (${why}); pulls go on`, { from })
    },
    recovered(kind, found) {
      const { adopted, forgotten, damagedManifests, salvagedRows, tookMs } = found
      const what =
        kind === 'rebuild'
          ? `the index is made again: ${salvagedRows} rows of the old one, `
          : 'the store was checked after a stop in mid-work: '
      const bad = damagedManifests === 0 ? '' : `, ${damagedManifests} manifests were damaged`
      const counts = `${adopted} files taken over, ${forgotten} rows without a file forgotten${bad}`
      log.info(`${what}${counts}, ${formatElapsed(tookMs)}`, { ...found })
    },
    indexDamaged(sentence) {
      log.error(sentence)
    },
    recoveryFailed(because) {
      log.error(`the store could not be checked; the next start tries again: ${because}`)
    },
  }
}
