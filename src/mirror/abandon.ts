// What becomes of a download whose last reader has left. Pure.

/** `--abandoned`: always to the end, stop at once, or by what is missing. */
export type AbandonPolicy = 'finish' | 'park' | 'auto'

/** A client that broke off usually comes back within this. */
const GOES_ON_MS = 60_000
/** Less than this, or than a tenth of the whole, is not worth stopping for. */
const LITTLE_MISSING_BYTES = 16 * 1024 * 1024
const LITTLE_MISSING_SHARE = 0.1

export type AbandonPlan = 'finish' | { readonly parkAfterMs: number }

export function abandonPlan(
  policy: AbandonPolicy,
  thereBytes: number,
  totalBytes: number | undefined,
): AbandonPlan {
  if (policy === 'finish') return 'finish'
  if (policy === 'park') return { parkAfterMs: 0 }
  if (totalBytes !== undefined) {
    const missing = totalBytes - thereBytes
    if (missing <= Math.max(LITTLE_MISSING_BYTES, totalBytes * LITTLE_MISSING_SHARE))
      return 'finish'
  }
  return { parkAfterMs: GOES_ON_MS }
}
