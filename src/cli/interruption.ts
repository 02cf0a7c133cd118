// Ctrl-C in a job: the first stops it in good order, the second ends the process at once.

import { constants } from 'node:os'
import { isReaderGone as isOnlyReaderGone, say } from './output.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export interface Interruption {
  readonly signal: AbortSignal
  /** Of the process: 0 where nobody interrupted. */
  readonly exitCode: number
  /** Whoever reads the output has gone, as `head` does: no reason to go on, nor to complain. */
  readonly isReaderGone: boolean
}

/** `beforeWords` is called before anything is said. */
export function watchInterruption(beforeWords: () => void): Interruption {
  const stop = new AbortController()
  let exitCode = 0
  let isReaderGone = false
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (exitCode !== 0) process.exit(exitCode)
      exitCode = 128 + constants.signals[signal]
      beforeWords()
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
