// Where words go: what people read to stderr, data to stdout.

import { programName } from '../version.ts'

type WriteError = Error & { readonly code?: string }

/** Of stdout. A reader that went away (`regmirror config | head`, a log pipe) is none. */
let failure: WriteError | undefined

export function say(sentence: string): void {
  process.stderr.write(`${programName}: ${sentence}\n`)
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
  if (failure) throw new Error(`the output could not be written: ${failure.message}`)
}

export function isReaderGone({ code }: WriteError): boolean {
  return code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
}

function note(error: WriteError): void {
  if (!isReaderGone(error)) failure ??= error
}
