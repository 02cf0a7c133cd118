// A file as it was at one moment: whoever writes to it, replaces it or restores it changes its stamp.

import type { BigIntStats } from 'node:fs'

const SECOND_NS = 1_000_000_000n

/**
 * The time of the last change cannot be set back from outside, as that of the last write can. Its clock
 * ticks slowly, so that a file put in another's place may have the same: its inode has not. Deno tells
 * it in whole seconds only, and that of the last write in milliseconds.
 */
export function stampOf(stats: Pick<BigIntStats, 'ino' | 'ctimeNs' | 'mtimeNs'>): string {
  const { ino, ctimeNs, mtimeNs } = stats
  const stamp = `${ino}-${ctimeNs}`
  return ctimeNs % SECOND_NS === 0n ? `${stamp}-${mtimeNs}` : stamp
}
