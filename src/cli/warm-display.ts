// What `warm` shows while it runs: on a terminal the images in flight above a footer, in a pipe a line per
// finished image and now and then how far it is, for a program one JSON object per line, or next to nothing.

import { JsonDisplay } from './warm-display-json.ts'
import type {
  After,
  ProgressMode,
  WarmDisplay,
  WarmDisplayOptions,
} from './warm-display-options.ts'
import { PlainDisplay } from './warm-display-plain.ts'
import { QuietDisplay } from './warm-display-quiet.ts'
import { TtyDisplay } from './warm-display-tty.ts'

export type { ProgressMode, WarmDisplay, WarmDisplayOptions }

export function openWarmDisplay(options: WarmDisplayOptions): WarmDisplay {
  switch (shownMode(options)) {
    case 'tty':
      return new TtyDisplay(options)
    case 'plain':
      return new PlainDisplay(options)
    case 'json':
      return new JsonDisplay(options)
    case 'quiet':
      return new QuietDisplay(options)
  }
}

/** Of the process itself. */
export const afterTimeout: After = (delayMs, callback) => {
  const timer = setTimeout(callback, delayMs).unref()
  return () => clearTimeout(timer)
}

/** What is no terminal cannot be drawn on, whatever was asked for. */
function shownMode(options: WarmDisplayOptions): Exclude<ProgressMode, 'auto'> {
  const { mode, output, isTerminalDumb } = options
  const isTerminal = output.isTTY === true
  if (mode === 'auto') return isTerminal && !isTerminalDumb ? 'tty' : 'plain'
  return mode === 'tty' && !isTerminal ? 'plain' : mode
}
