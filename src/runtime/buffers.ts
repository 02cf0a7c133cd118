// The buffers bodies are sent through: reused, and no more kept than a busy moment needs.

/** Larger ones cost memory for each slow reader and gained nothing when measured. */
export const BUFFER_BYTES = 256 * 1024

/** Kept for reuse: enough for the responses of a busy moment. */
const KEPT_MAX = 64

const kept: Buffer[] = []

export function takeBuffer(): Buffer {
  return kept.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
}

export function giveBuffer(buffer: Buffer): void {
  if (kept.length < KEPT_MAX) kept.push(buffer)
}
