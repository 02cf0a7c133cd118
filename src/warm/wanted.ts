// The images that lists mean: each once, whichever lines mean it.

import type { ListEntry, Place, Selector } from '../list/list-entry.ts'
import { needsTagList, selectTags } from '../list/select-tags.ts'
import type { PatternSelector } from '../list/select-tags.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import { unitePlatforms } from './platforms.ts'

export interface Wanted {
  /** `docker.io/library/nginx:1.25`, with `@sha256:...` behind it where the line names both. */
  readonly name: string
  readonly repository: Repository
  readonly reference: Reference
  /** What is wanted whatever the tag points to. */
  readonly pinned: Digest | undefined
  readonly platforms: readonly string[]
  readonly places: readonly Place[]
  /** Of every line that means it. */
  readonly isOptional: boolean
}

/** A line, or a part of it, that came to nothing. */
export interface Unmet {
  readonly name: string
  readonly registry: string
  readonly place: Place
  readonly isOptional: boolean
}

/** A pattern of a line, for the tags of a repository. */
export interface WantedPattern extends Unmet {
  readonly repository: Repository
  readonly selector: PatternSelector
  readonly platforms: readonly string[]
}

export interface Refused extends Unmet {
  readonly because: string
}

export interface WantedAll {
  readonly images: readonly Wanted[]
  readonly patterns: readonly WantedPattern[]
  readonly refused: readonly Refused[]
}

export function wantedOf(
  entries: readonly ListEntry[],
  platforms: readonly string[],
  resolve: (name: string) => Repository | { readonly refused: string },
): WantedAll {
  const images: Wanted[] = []
  const patterns: WantedPattern[] = []
  const refused: Refused[] = []
  for (const { place, name, selectors, options } of entries) {
    const isOptional = options.isOptional ?? false
    const repository = resolve(name)
    if ('refused' in repository) {
      const because = repository.refused
      for (const selector of selectors) {
        const shown = name + behindName(selector)
        refused.push({ name: shown, registry: hostOf(name), place, isOptional, because })
      }
      continue
    }
    const common = { repository, platforms: options.platforms ?? platforms, isOptional }
    for (const selector of selectors) {
      if (needsTagList(selector)) {
        const shown = `${repositoryKey(repository)}:${selector.pattern}`
        const { registry } = repository
        patterns.push({ ...common, name: shown, registry, place, selector })
      } else {
        images.push(imageOf(selector, { ...common, places: [place] }))
      }
    }
  }
  return { images: unite(images), patterns, refused }
}

/** Of what upstream lists. */
export function matchesOf(pattern: WantedPattern, listed: readonly string[]): Wanted[] {
  const { repository, platforms, isOptional, place } = pattern
  const common = { repository, platforms, isOptional, places: [place] }
  return selectTags(pattern.selector, listed).map((tag) => tagImage(tag, undefined, common))
}

/** Two lines that mean one image mean it for the platforms of both. */
export function unite(images: readonly Wanted[]): Wanted[] {
  const byName = new Map<string, Wanted>()
  for (const image of images) {
    const first = byName.get(image.name)
    byName.set(image.name, first ? both(first, image) : image)
  }
  return [...byName.values()]
}

function both(first: Wanted, second: Wanted): Wanted {
  const isNew = (place: Place): boolean =>
    !first.places.some(({ source, line }) => source === place.source && line === place.line)
  return {
    ...first,
    platforms: unitePlatforms(first.platforms, second.platforms),
    places: [...first.places, ...second.places.filter(isNew)],
    isOptional: first.isOptional && second.isOptional,
  }
}

type Common = Pick<Wanted, 'repository' | 'platforms' | 'isOptional' | 'places'>

function imageOf(selector: Exclude<Selector, PatternSelector>, common: Common): Wanted {
  if (selector.kind === 'tag') return tagImage(selector.tag, selector.digest, common)
  const reference = { digest: selector.digest }
  const name = imageName(common.repository, reference)
  return { ...common, name, reference, pinned: selector.digest }
}

function tagImage(tag: Tag, pinned: Digest | undefined, common: Common): Wanted {
  const name = imageName(common.repository, { tag }) + (pinned === undefined ? '' : `@${pinned}`)
  return { ...common, name, reference: { tag }, pinned }
}

function behindName(selector: Selector): string {
  if ('pattern' in selector) return `:${selector.pattern}`
  const { digest } = selector
  const tag = selector.kind === 'tag' ? `:${selector.tag}` : ''
  return digest === undefined ? tag : `${tag}@${digest}`
}

function hostOf(name: string): string {
  return name.split('/', 1)[0] ?? name
}
