// In which order images come, and in which groups. Pure.

import type { Image } from './image.ts'
import { PRIORITIES } from './wanted.ts'

/** Of one priority as they were: as listed. */
export function byPriority(images: readonly Image[]): readonly Image[] {
  const rank = ({ wanted }: Image): number => PRIORITIES.indexOf(wanted.priority)
  return images.toSorted((one, other) => rank(one) - rank(other))
}

export function byRegistry(images: readonly Image[]): ReadonlyMap<string, readonly Image[]> {
  return Map.groupBy(images, ({ registry }) => registry)
}
