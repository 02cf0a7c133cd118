// Tries again while that is worth it and time is left.

import { setTimeout as sleep } from 'node:timers/promises'
import { AttemptError } from './attempt-error.ts'
import { untilAborted } from './deadline.ts'
import type { Deadline } from './deadline.ts'
import type { UpstreamLimits } from './limits.ts'
import { retryDelayMs } from './retry.ts'

export async function withRetries<T>(
  attempt: () => Promise<T>,
  deadline: Deadline,
  tries: number,
  limits: UpstreamLimits,
): Promise<T> {
  let failure: AttemptError | undefined
  for (let failed = 1; ; failed++) {
    try {
      return await attempt()
    } catch (error) {
      // What failed before says more than that the time is over.
      if (!(error instanceof AttemptError)) throw failure ?? error
      failure = error
    }
    const { transient, retryAfterMs } = failure
    const remainingMs = deadline.remainingMs()
    const delayMs = retryDelayMs(
      { failed, tries, transient, retryAfterMs, remainingMs },
      limits,
      Math.random(),
    )
    if (delayMs === undefined) throw failure
    await untilAborted(sleep(delayMs), deadline.signal)
  }
}
