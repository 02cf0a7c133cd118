// The newest versions among tags, for `newest=` and for lines whose repository has no `latest`.

import type { Tag } from '../oci/name.ts'
import type { DropReason } from './list-entry.ts'
import { compareVersions, parseVersion } from './versions.ts'
import type { Version } from './versions.ts'

interface Versioned {
  readonly tag: Tag
  readonly version: Version
}

/**
 * One tag each of the `count` highest versions, the highest first. Prereleases count only where there is
 * no release, or where they were asked for (`withPrereleases`). `drop` is told of every other tag.
 */
export function newestOf(
  tags: readonly Tag[],
  count: number,
  withPrereleases: boolean,
  drop: (tag: Tag, because: DropReason) => void,
): readonly Tag[] {
  const versions: Versioned[] = []
  for (const tag of tags) {
    const version = parseVersion(tag)
    if (version) versions.push({ tag, version })
    else drop(tag, 'no-version')
  }
  const releases = versions.filter(({ version }) => !version.prerelease)
  const isFinal = releases.length > 0 && !withPrereleases
  if (isFinal) {
    for (const { tag, version } of versions) if (version.prerelease) drop(tag, 'prerelease')
  }
  const newest: Versioned[] = []
  for (const each of (isFinal ? releases : versions).sort(newestFirst)) {
    const before = newest.at(-1)
    const isSame = before !== undefined && compareVersions(before.version, each.version) === 0
    if (!isSame && newest.length < count) newest.push(each)
    else drop(each.tag, isSame ? 'same-version' : 'older')
  }
  return newest.map(({ tag }) => tag)
}

/** Of one version the tag without a variant, then the most exact one: `1.27.0` rather than `1.27`. */
function newestFirst(one: Versioned, other: Versioned): number {
  return (
    compareVersions(other.version, one.version) ||
    Number(one.version.variant !== '') - Number(other.version.variant !== '') ||
    other.version.numbers.length - one.version.numbers.length ||
    (one.tag < other.tag ? -1 : 1)
  )
}
