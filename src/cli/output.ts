// Where words go: what people read to stderr, data to stdout.

import { programName } from '../version.ts'
import { printable } from './printable.ts'

type WriteError = Error & { readonly code?: string }

/** Of stdout. A reader that went away (`regmirror config | head`, a log pipe) is none. */
let failure: WriteError | undefined
/** Once is enough: whoever caught it goes on. */
let told: WriteError | undefined

export function say(sentence: string): void {
  process.stderr.write(`${programName}: ${printable(sentence)}\n`)
}

/** Before anything is written. */
export function watchOutput(): void {
  process.stderr.on('error', () => {})
  process.stdout.on('error', note)
}

/** Waits until it, and all before it, was taken. Throws where that fails for want of more than a reader. */
export async function print(text: string): Promise<void> {
  const error = await new Promise<WriteError | null | undefined>((resolve) => {
    process.stdout.write(text, resolve)
  })
  if (error) note(error)
  if (failure === undefined || failure === told) return
  told = failure
  throw new UnwrittenOutput(failure)
}

/** How wide the terminal is; undefined in a pipe, and where it does not tell (0). */
export function outputColumns(): number | undefined {
  return process.stdout.columns || undefined
}

class UnwrittenOutput extends Error {
  readonly code: string | undefined

  constructor({ code, message }: WriteError) {
    super(`the output could not be written: ${message}`)
    this.code = code
  }
}

export function isReaderGone({ code }: WriteError): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}

function note(error: WriteError): void {
  if (!isReaderGone(error)) failure ??= error
}
