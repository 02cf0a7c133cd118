// The time, and waiting, for those that tests give another.

import { setTimeout as wait } from 'node:timers/promises'

/** The clock may be set, and the machine may sleep, which no timer tells: it is looked at so often. */
export const LOOK_EVERY_MS = 30_000

export interface Clock {
  /** In ms since the epoch. */
  now(): number
  /** Rejects when the signal is aborted. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>
}

export const machineClock: Clock = {
  now: () => Date.now(),
  sleep: (durationMs, signal) => wait(durationMs, undefined, { signal }),
}
