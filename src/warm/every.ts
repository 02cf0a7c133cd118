// Whether upstream has to be asked again. Pure.

import type { Every } from './wanted.ts'

/** Told in what is the future by now: the clock was set back, and nothing is known of its age. */
export function wasAskedWithin(every: Every, checkedAtMs: number, nowMs: number): boolean {
  if (typeof every === 'string') return every === 'never'
  return checkedAtMs <= nowMs && nowMs - checkedAtMs < every
}
