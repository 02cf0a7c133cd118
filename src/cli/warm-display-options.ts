// What every way to show a warm run is given, and what it does.

import type { WarmAnswer, WarmAsk, WarmProgress, WarmRow } from '../care/warm-job.ts'
import type { EndFacts } from './warm-words.ts'

export const PROGRESS_MODES = ['auto', 'tty', 'plain', 'json', 'quiet'] as const
export type ProgressMode = (typeof PROGRESS_MODES)[number]

export interface WarmDisplay {
  progress(progress: WarmProgress): void
  row(row: WarmRow): void
  /** The last words. */
  end(answer: WarmAnswer): void
  /** Before others write to the same output; shown again with the next progress. */
  clear(): void
}

/** Usually stderr. */
export interface DisplayOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
  on?(event: 'resize', listener: () => void): unknown
  off?(event: 'resize', listener: () => void): unknown
}

/** Calls back once, unless what it returns is called before; keeps no process alive. */
export type After = (delayMs: number, callback: () => void) => () => void

export interface WarmDisplayOptions {
  readonly mode: ProgressMode
  readonly asked: WarmAsk['mode']
  readonly output: DisplayOutput
  readonly isTerminalDumb: boolean
  /** Where the locale is not UTF-8, bars are ASCII. */
  readonly isUtf8: boolean
  readonly hasColor: boolean
  readonly facts: EndFacts
  readonly now: () => number
  readonly after: After
}
