// What an image lacks, in words with the next step.

import { Lacking } from './causes.ts'
import type { Image } from './image.ts'
import { lackingPlatforms } from './platforms.ts'

/** What the wanted platforms lack is worth a warning; where that is everything, nothing is left to warm. */
export function noteLacking({ holding, warnings, wanted }: Image): void {
  if (!holding || holding.named.length === 0) return
  const lacking = lackingPlatforms(wanted.platforms, holding.named)
  if (holding.isForOthers) {
    const because = `it is for ${holding.named.join(', ')} only, not for ${lacking.join(', ')}`
    throw new Lacking('platform', because, 'name other platforms with --platform')
  }
  const notes = lacking.map((platform) => `${platform} does not exist`)
  warnings.push(...notes.filter((note) => !warnings.includes(note)))
}

export function noSuchTag(name: string): Lacking {
  return new Lacking('not-found', `${name} does not exist`, 'check the name and the tag')
}

export function goneTag(name: string): Lacking {
  const because = `${name} no longer exists upstream; what is held of it stays`
  return new Lacking('not-found', because, 'take it out of the list')
}

export function goneChild(digest: string): Lacking {
  return new Lacking('not-found', `upstream does not have its manifest ${digest}`)
}

export function noMatch(count: number, isCut: boolean): Lacking {
  if (count === 0) return new Lacking('no-match', 'the repository has no tags', 'check the name')
  const these = `none of ${isCut ? 'the first' : 'its'} ${count} tags matches`
  const because = count === 1 ? 'its only tag does not match' : these
  return new Lacking('no-match', because, 'check the pattern')
}
