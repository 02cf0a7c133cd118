// Where words go: what people read to stderr, data to stdout.

import { once } from 'node:events'
import { programName } from '../version.ts'

export function say(sentence: string): void {
  process.stderr.write(`${programName}: ${sentence}\n`)
}

/** Waits while a slow reader has enough. A reader that has gone is no failure: main.ts ignores it. */
export async function print(text: string): Promise<void> {
  const { stdout } = process
  if (stdout.write(text) || stdout.destroyed) return
  await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]).catch(() => undefined)
}
