// The chunks of a body as they came in. A loop over the stream itself joins those that have gathered,
// in new memory: a copy of nearly every byte, and a collector that is always busy.

import { finished } from 'node:stream'
import type { Readable } from 'node:stream'

/**
 * Leaving the loop early destroys the body. Of one whose reader is busy no more is taken than what was
 * read at once: how much of a download is held in memory is for its writer to say.
 */
export async function* flowing(body: Readable): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = []
  let isAwaited = false
  let end: { readonly error: Error | null | undefined } | undefined
  let wake = (): void => undefined
  const stopListening = finished(body, { writable: false }, (error) => {
    end = { error }
    wake()
  })
  body.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk)
    if (!isAwaited) body.pause()
    wake()
  })
  try {
    for (;;) {
      const chunk = chunks.shift()
      if (chunk) yield chunk
      else if (end) {
        if (end.error) throw end.error
        return
      } else {
        isAwaited = true
        body.resume()
        await new Promise<void>((resolve) => (wake = resolve))
        isAwaited = false
      }
    }
  } finally {
    stopListening()
    body.destroy()
  }
}
