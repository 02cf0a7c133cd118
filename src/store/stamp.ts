// A file as it was at one moment: whoever writes to it, replaces it or restores it changes its stamp.

import type { BigIntStats } from 'node:fs'

/** The time of the last change cannot be set back from outside, as that of the last write can. */
export function stampOf({ ctimeNs }: BigIntStats): string {
  return String(ctimeNs)
}
