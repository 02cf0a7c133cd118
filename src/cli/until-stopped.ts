// From the first signal to the end of the process.

import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../lib/log.ts'
import { formatDuration } from '../lib/units.ts'

export interface Stoppable {
  readonly runningResponses: number
  /** Running responses end, new ones are refused, staged files stay resumable. */
  drain(): Promise<void>
  /** At once. */
  stop(): Promise<void>
}

type StopSignal = 'SIGINT' | 'SIGTERM'

/** Somebody who signals twice does not want to wait for a slow disk. */
const STOP_MAX_MS = 2000

/** Resolves with the exit code. `nextSignal` is from watchSignals. */
export async function untilStopped(
  mirror: Stoppable,
  nextSignal: () => Promise<StopSignal>,
  drainTimeoutMs: number,
  log: Logger,
): Promise<number> {
  await nextSignal()
  log.info(`draining: ${responses(mirror.runningResponses)} still running (again to stop at once)`)
  const outcome = await Promise.race([
    mirror.drain().then(() => 'drained' as const),
    sleep(drainTimeoutMs, 'late' as const),
    nextSignal(),
  ])
  if (outcome === 'drained') {
    log.info('stopped')
    return 0
  }
  const left = responses(mirror.runningResponses)
  if (outcome === 'late')
    log.warn(`cut ${left} that did not end in ${formatDuration(drainTimeoutMs)}`)
  else log.warn(`stopping at once: ${left} cut`)
  await Promise.race([mirror.stop(), sleep(STOP_MAX_MS)])
  return outcome === 'late' ? 0 : 128 + constants.signals[outcome]
}

/**
 * Each call waits for the next signal. The handlers stay, so that from here on no signal ends the
 * process by itself; one that comes before anybody waits is kept.
 */
export function watchSignals(): () => Promise<StopSignal> {
  const kept: StopSignal[] = []
  let notify: ((signal: StopSignal) => void) | undefined
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (notify === undefined) kept.push(signal)
      else notify(signal)
    })
  }
  return () =>
    new Promise((resolve) => {
      const first = kept.shift()
      if (first === undefined) notify = resolve
      else resolve(first)
    })
}

function responses(count: number): string {
  return count === 1 ? '1 response' : `${count} responses`
}
