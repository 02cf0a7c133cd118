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

/** The exit code. */
export async function untilStopped(
  mirror: Stoppable,
  drainTimeoutMs: number,
  log: Logger,
): Promise<number> {
  const nextSignal = watchSignals()
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

/** Each call waits for the next signal; the handlers stay, so that none ends the process by itself. */
function watchSignals(): () => Promise<StopSignal> {
  let notify: (signal: StopSignal) => void = () => {}
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => notify(signal))
  return () =>
    new Promise((resolve) => {
      notify = resolve
    })
}

function responses(count: number): string {
  return count === 1 ? '1 response' : `${count} responses`
}
