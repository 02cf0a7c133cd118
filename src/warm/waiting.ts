// How far a run is that has not begun.

import type { WarmProgress } from '../care/warm-job.ts'

/** `waitingFor`: as the end of a sentence. */
export function notBegun(waitingFor: string): WarmProgress {
  return {
    phase: 'waiting',
    done: 0,
    total: 0,
    failed: 0,
    bytesNew: 0,
    bytesTotal: undefined,
    bytesPerSecond: 0,
    inFlight: [],
    running: 0,
    waitingFor,
    quotas: [],
  }
}
