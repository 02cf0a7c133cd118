// A file as it was at one moment: whoever writes to it, replaces it or restores it changes its stamp.

import type { BigIntStats } from 'node:fs'

/**
 * The time of the last change cannot be set back from outside, as that of the last write can. Its clock
 * ticks slowly, so that a file put in another's place may have the same: its inode has not.
 */
export function stampOf({ ino, ctimeNs }: Pick<BigIntStats, 'ino' | 'ctimeNs'>): string {
  return `${ino}-${ctimeNs}`
}
