// What an image lacks, in words with the next step.

import type { WarmLine } from '../care/warm-job.ts'
import { formatBytes } from '../lib/units.ts'
import type { Repository } from '../oci/name.ts'
import { Lacking } from './causes.ts'
import type { Why } from './causes.ts'
import type { Image } from './image.ts'
import { dropText } from './line-drops.ts'
import { lackingPlatforms } from './platforms.ts'
import type { Wanted } from './wanted.ts'

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

export function noSuchDigest(name: string): Lacking {
  return new Lacking('not-found', `${name} does not exist`, 'check the name and the digest')
}

export function goneTag(name: string): Lacking {
  const because = `${name} no longer exists upstream; what is held of it stays`
  return new Lacking('not-found', because, 'take it out of the list')
}

export function goneChild(digest: string): Lacking {
  return new Lacking('not-found', `upstream does not have its manifest ${digest}`)
}

/** `meansLatest`: which was asked for before, and does not exist. */
export function listsNoTags({ registry, name }: Repository, meansLatest: boolean): Lacking {
  const lists = `${registry} lists no tags of ${name}`
  const because = meansLatest ? `it has no tag latest, and ${lists}` : lists
  return new Lacking('not-found', because, 'check the name, or write the tags out')
}

/** Fewer tags than the line is to stand for. */
export interface TooFew {
  readonly shortage: { readonly count: number; readonly min: number }
  /** Undefined: the list was not needed. */
  readonly listed: number | undefined
  readonly isCut: boolean
  /** And the newest version for want of it. */
  readonly meansLatest: boolean
  readonly dropped: WarmLine['dropped']
}

/** No error: it is spread into results. */
export function noMatch({ shortage, listed, isCut, meansLatest, dropped }: TooFew): Why {
  const why = (because: string, remedy: string): Why => ({ cause: 'no-match', because, remedy })
  if (listed === undefined) {
    const reasons = dropped.length > 0 ? dropText(dropped) : 'blocked by "!"'
    return why(`nothing of it is left to warm: ${reasons}`, 'take it out of the list')
  }
  if (listed === 0) return why('the repository has no tags', 'check the name')
  const { count, min } = shortage
  const these = `${isCut ? 'the first' : 'its'} ${listed} tags`
  if (count > 0) {
    const some = `only ${count} of ${these} ${count === 1 ? 'is' : 'are'} selected, and min=${min}`
    return why(dropped.length === 0 ? some : `${some}: ${dropText(dropped)}`, LOOK)
  }
  if (dropped.some(({ because }) => because !== 'unmatched')) {
    return why(`none of ${these} is selected: ${dropText(dropped)}`, LOOK)
  }
  if (meansLatest) {
    return why(
      `it has no tag latest, and none of ${these} is a version`,
      'write out which tag it is',
    )
  }
  const because = listed === 1 ? 'its only tag does not match' : `none of ${these} matches`
  return why(because, 'check the pattern')
}

/** What `list explain` itself has no need to say. */
export const LOOK = 'see which tags it selects: regmirror list explain'

export function tooManyMatch({
  count,
  max,
}: {
  readonly count: number
  readonly max: number
}): Why {
  return {
    cause: 'too-many',
    because: `it selects ${count} tags, and ${max} are the most that it takes`,
    remedy: `write max=${count} where all are meant, or newest=N for the newest`,
  }
}

export function tooLarge({ maxSizeBytes }: Wanted, bytes: number): string {
  return `it takes ${formatBytes(bytes)}, and max-size=${formatBytes(maxSizeBytes ?? 0)}`
}
