// Ctrl-C in a job: the first stops it in good order, another one ends the process at once.

import { constants } from 'node:os'
import { isReaderGone as isOnlyReaderGone } from './output.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** Programs that pass on a terminal's Ctrl-C, which its whole group got: one press is two signals. */
const SAME_PRESS_MS = 300

export interface Interruption {
  readonly signal: AbortSignal
  /** Of the process: 0 where nobody interrupted. */
  readonly exitCode: number
  /** Whoever reads the output has gone, as `head` does: no reason to go on, nor to complain. */
  readonly isReaderGone: boolean
}

export function watchInterruption(say: (sentence: string) => void): Interruption {
  const stop = new AbortController()
  let exitCode = 0
  let firstAt = 0
  let isReaderGone = false
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (exitCode !== 0) {
        if (performance.now() - firstAt > SAME_PRESS_MS) process.exit(exitCode)
        return
      }
      exitCode = 128 + constants.signals[signal]
      firstAt = performance.now()
      say('stopping in good order (again to stop at once)')
      stop.abort()
    })
  }
  process.stdout.on('error', (error) => {
    // Whoever prints is told of the rest.
    if (!isOnlyReaderGone(error)) return
    isReaderGone = true
    stop.abort()
  })
  return {
    signal: stop.signal,
    get exitCode() {
      return exitCode
    },
    get isReaderGone() {
      return isReaderGone
    },
  }
}
