// The newest versions among tags, for `newest=` and for lines whose repository has no `latest`.

import type { Tag } from '../oci/name.ts'
import type { DropReason } from './list-entry.ts'
import { compareVersions, parseVersion } from './versions.ts'
import type { Version } from './versions.ts'

interface Versioned {
  readonly tag: Tag
  readonly version: Version
}

type Drop = (tag: Tag, because: DropReason) => void

/**
 * One tag each of the `count` highest versions, the highest first. Prereleases count only where there is
 * no release, or where they were asked for (`withPrereleases`); tags that move on from release to release
 * (`1.27`) only where no release is among the tags. `drop` is told of every other tag.
 */
export function newestOf(
  tags: readonly Tag[],
  count: number,
  withPrereleases: boolean,
  drop: Drop,
): readonly Tag[] {
  const versions = versionsAmong(tags, drop)
  const counting = withoutMoving(withPrereleases ? versions : releasesAmong(versions, drop), drop)
  const newest: Versioned[] = []
  for (const each of counting.sort(newestFirst)) {
    const before = newest.at(-1)
    const isSame = before !== undefined && compareVersions(before.version, each.version) === 0
    if (!isSame && newest.length < count) newest.push(each)
    else drop(each.tag, isSame ? 'same-version' : 'older')
  }
  return newest.map(({ tag }) => tag)
}

/** Dates (Alpine's `20240923`) are versions where a repository has no others. */
function versionsAmong(tags: readonly Tag[], drop: Drop): readonly Versioned[] {
  const read = tags.map((tag) => ({ tag, version: parseVersion(tag) }))
  const hasOthers = read.some(({ version }) => version && !version.isDateOrHash)
  return read.flatMap(({ tag, version }) => {
    if (version && !(version.isDateOrHash && hasOthers)) return [{ tag, version }]
    drop(tag, 'no-version')
    return []
  })
}

/** All of them where there is no release. */
function releasesAmong(versions: readonly Versioned[], drop: Drop): readonly Versioned[] {
  const releases = versions.filter(({ version }) => !version.prerelease)
  if (releases.length === 0) return versions
  for (const { tag, version } of versions) if (version.prerelease) drop(tag, 'prerelease')
  return releases
}

/** `1.27` beside `1.27.4` is no version of its own: it means the latest of them. */
function withoutMoving(versions: readonly Versioned[], drop: Drop): Versioned[] {
  const beginnings = new Set<string>()
  for (const { version } of versions) {
    if (version.prerelease) continue
    const numbers = allNumbers(version)
    for (let end = numbers.indexOf('.'); end > 0; end = numbers.indexOf('.', end + 1)) {
      beginnings.add(numbers.slice(0, end))
    }
  }
  return versions.filter(({ tag, version }) => {
    const isFixed = version.prerelease !== undefined || version.revision !== undefined
    const isMoving = !isFixed && beginnings.has(allNumbers(version))
    if (isMoving) drop(tag, 'same-version')
    return !isMoving
  })
}

function allNumbers({ numbers, build }: Version): string {
  return [...numbers, ...build].join('.')
}

/**
 * Of one version the tag without a variant, then the most exact one (`1.27.0` rather than `1.27`), then
 * the higher variant (`alpine3.20` rather than `alpine3.9`) and the latest revision.
 */
function newestFirst(one: Versioned, other: Versioned): number {
  return (
    compareVersions(other.version, one.version) ||
    Number(one.version.variant !== '') - Number(other.version.variant !== '') ||
    other.version.numbers.length - one.version.numbers.length ||
    compareVariants(one.version.variant, other.version.variant) ||
    Number((other.version.revision ?? -1n) - (one.version.revision ?? -1n)) ||
    (one.tag < other.tag ? -1 : 1)
  )
}

/** By their letters, and where they differ in a number the higher one first. */
function compareVariants(one: string, other: string): number {
  const signs = one.match(/\d+|\D/g) ?? []
  const others = other.match(/\d+|\D/g) ?? []
  for (const [at, left] of signs.entries()) {
    const right = others[at]
    if (left === right) continue
    if (right === undefined) return 1
    if (!/\d/.test(left) || !/\d/.test(right)) return left < right ? -1 : 1
    const difference = BigInt(right) - BigInt(left)
    if (difference !== 0n) return Number(difference)
  }
  return signs.length - others.length
}
