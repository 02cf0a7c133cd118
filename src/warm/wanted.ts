// The images that lists mean: each once, whichever lines mean it.

import type { EntryOptions, ListEntry, Place, Selector } from '../list/list-entry.ts'
import { machinePlatform } from '../lib/machine-platform.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import { unitePlatforms } from './platforms.ts'

/** After a list has stopped meaning an image. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000
/** In a list: the machine that warms. */
const HOST_PLATFORM = 'host'

export type Every = NonNullable<EntryOptions['every']>
export type Priority = NonNullable<EntryOptions['priority']>
export type Referring = NonNullable<EntryOptions['referrers']>

export const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low']

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
  /** No line means it but for the clients that used it. */
  readonly isOnlyUsed: boolean
  readonly every: Every
  readonly priority: Priority
  readonly referrers: Referring
  readonly maxSizeBytes: number | undefined
  /**
   * Paths of the lists that mean it, each with how long it stays after the list means it no more;
   * undefined: until somebody removes it.
   */
  readonly pinnedBy: ReadonlyMap<string, number | undefined>
}

/** What all images of a line have in common. */
export type Common = Omit<Wanted, 'name' | 'reference' | 'pinned'>

/** `path`: of the list, where it has one. `platforms`: those of the command. */
export function commonOf(
  { place, options }: ListEntry,
  repository: Repository,
  { path, platforms }: { readonly path: string | undefined; readonly platforms: readonly string[] },
): Common {
  return {
    repository,
    platforms: platformsNamed(options.platforms ?? platforms),
    places: [place],
    isOptional: options.isOptional ?? false,
    isOnlyUsed: false,
    every: options.every ?? 'always',
    priority: options.priority ?? 'normal',
    referrers: options.referrers ?? 'no',
    maxSizeBytes: options.maxSizeBytes,
    pinnedBy: new Map(path === undefined ? [] : [[path, keepMsOf(options)]]),
  }
}

function keepMsOf({ keep = KEPT_MS }: EntryOptions): number | undefined {
  return keep === 'pin' ? undefined : keep
}

function platformsNamed(platforms: readonly string[]): readonly string[] {
  if (!platforms.includes(HOST_PLATFORM)) return platforms
  const named = platforms.map((each) => (each === HOST_PLATFORM ? machinePlatform() : each))
  return unitePlatforms(named, [])
}

export function tagImage(tag: Tag, pinned: Digest | undefined, common: Common): Wanted {
  const name = imageName(common.repository, { tag }) + (pinned === undefined ? '' : `@${pinned}`)
  return { ...common, name, reference: { tag }, pinned }
}

export function digestImage(digest: Digest, common: Common): Wanted {
  const name = imageName(common.repository, { digest })
  return { ...common, name, reference: { digest }, pinned: digest }
}

/** Lines that mean one image mean it for all that any of them asks. */
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
    isOnlyUsed: first.isOnlyUsed && second.isOnlyUsed,
    every: strictest(first.every, second.every),
    priority:
      PRIORITIES.find((each) => each === first.priority || each === second.priority) ??
      first.priority,
    referrers: uniteReferring(first.referrers, second.referrers),
    maxSizeBytes: largest(first.maxSizeBytes, second.maxSizeBytes),
    pinnedBy: pinnedByBoth(first.pinnedBy, second.pinnedBy),
  }
}

/** Each list has its own say in how long it keeps. */
function pinnedByBoth(one: Wanted['pinnedBy'], other: Wanted['pinnedBy']): Wanted['pinnedBy'] {
  const both = new Map(one)
  for (const [path, keepMs] of other) {
    both.set(path, both.has(path) ? largest(both.get(path), keepMs) : keepMs)
  }
  return both
}

/** Undefined: without an end. */
function largest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : Math.max(one, other)
}

function strictest(one: Every, other: Every): Every {
  if (one === 'always' || other === 'always') return 'always'
  if (one === 'never') return other
  return other === 'never' ? one : Math.min(one, other)
}

function uniteReferring(one: Referring, other: Referring): Referring {
  if (one === 'yes' || other === 'yes') return 'yes'
  if (one === 'no') return other
  return other === 'no' ? one : [...new Set([...one, ...other])]
}

/** How a line is called: `docker.io/library/redis:7.*,latest`; `called`: its repository, or as typed. */
export function lineName(called: string | Repository, selectors: readonly Selector[]): string {
  const name = typeof called === 'string' ? called : repositoryKey(called)
  const tags = selectors.flatMap((each) => {
    if ('pattern' in each) return [each.pattern]
    return each.kind === 'tag' ? [each.tag] : []
  })
  const digest = selectors.flatMap((each) => ('digest' in each ? (each.digest ?? []) : []))
  return [
    name,
    ...(tags.length > 0 ? [`:${tags.join(',')}`] : []),
    ...digest.map((each) => `@${each}`),
  ].join('')
}

/** Of a name that means no registry that is served. */
export function hostOf(name: string): string {
  return name.split('/', 1)[0] ?? name
}
