// The chunks of a body as they came in. A loop over the stream itself joins those that have gathered,
// in new memory: a copy of nearly every byte, and a collector that is always busy.

import { finished } from 'node:stream'
import type { Readable } from 'node:stream'

/** Past it the body is left unread until some are taken. */
const GATHERED_BYTES_MAX = 128 * 1024

/** Leaving the loop early destroys the body. */
export async function* flowing(body: Readable): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = []
  let gatheredBytes = 0
  let end: { readonly error: Error | null | undefined } | undefined
  let wake = (): void => undefined
  const stopListening = finished(body, { writable: false }, (error) => {
    end = { error }
    wake()
  })
  body.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk)
    gatheredBytes += chunk.byteLength
    if (gatheredBytes >= GATHERED_BYTES_MAX) body.pause()
    wake()
  })
  try {
    for (;;) {
      const chunk = chunks.shift()
      if (chunk) {
        gatheredBytes -= chunk.byteLength
        yield chunk
      } else if (end) {
        if (end.error) throw end.error
        return
      } else {
        body.resume()
        await new Promise<void>((resolve) => (wake = resolve))
      }
    }
  } finally {
    stopListening()
    body.destroy()
  }
}
