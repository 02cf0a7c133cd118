// The buffers bodies are sent through. Reused, and large only while there are few responses: what
// many slow readers hold has to stay small.

const LARGE_BYTES = 256 * 1024
const SMALL_BYTES = 32 * 1024
/** Two for each response: large ones for the first four. */
const LARGE_MAX = 8
/** Small ones beyond these are left to the collector. */
const SMALL_KEPT_MAX = 128

const large: Buffer[] = []
const small: Buffer[] = []
let largeMade = 0

/** Its length is how much can be sent through it. To be given back. */
export function takeBuffer(): Buffer {
  const kept = large.pop()
  if (kept) return kept
  if (largeMade >= LARGE_MAX) return small.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES)
  largeMade += 1
  return Buffer.allocUnsafeSlow(LARGE_BYTES)
}

/**
 * `isIdle` is false where a write that was never called back may still read from it: such a buffer
 * is left to the collector.
 */
export function giveBuffer(buffer: Buffer, isIdle: boolean): void {
  const isLarge = buffer.length === LARGE_BYTES
  if (!isIdle) {
    if (isLarge) largeMade -= 1
  } else if (isLarge) large.push(buffer)
  else if (small.length < SMALL_KEPT_MAX) small.push(buffer)
}
