// Options that change nothing on the line they are written in.

import type { ListEntry } from './list-entry.ts'
import { bareOf, usedWithinMs } from './bare.ts'
import { isPattern } from './tag-stages.ts'

interface AimlessOption {
  /** As it is written. */
  readonly key: string
  readonly message: string
}

export function aimlessOptions(entry: ListEntry): readonly AimlessOption[] {
  const { selectors, ownOptions } = entry
  const aimless: AimlessOption[] = []
  const isOfDigests = selectors.length > 0 && selectors.every(({ kind }) => kind === 'digest')
  if (ownOptions.every !== undefined && isOfDigests) {
    const message = 'every= changes nothing here: what a digest means is never looked up again'
    aimless.push({ key: 'every', message })
  }
  const isChoosing = bareOf(entry) !== undefined || selectors.some(isPattern)
  if (isChoosing || usedWithinMs(entry) !== undefined) return aimless
  for (const key of ['not', 'max'] as const) {
    if (ownOptions[key] === undefined) continue
    const message = `${key}= changes nothing here: this line names its tags itself`
    aimless.push({ key, message })
  }
  return aimless
}
