// The buffers bodies are sent through. Reused, and large only while there are few responses: what
// many slow readers hold has to stay small.

const LARGE_BYTES = 256 * 1024
const SMALL_BYTES = 32 * 1024
/**
 * Two for each response: large ones for the first 16. With large ones for four, 32 clients cost 0.93
 * CPU s/GB instead of 0.65, as each buffer is a turn through the I/O threads and back; twice as many
 * saved 4 % of that, and took 5 MiB more with 64 downloads.
 */
const LARGE_MAX = 32
/** Small ones beyond these are left to the collector. */
const SMALL_KEPT_MAX = 128

const large: Buffer[] = []
const small: Buffer[] = []
let largeMade = 0

/** Its length is how much can be sent through it. To be given back. */
export function takeBuffer(wantedBytes: number): Buffer {
  if (wantedBytes <= SMALL_BYTES) return small.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES)
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
