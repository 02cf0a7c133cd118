// What `ls` prints of an image. Pure.

import type { ImageRow } from '../care/jobs.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import { columnsText, fits, nameCut, withShortDigest } from './columns.ts'
import type { Column } from './columns.ts'

const COLUMNS: readonly Column[] = [
  { title: 'IMAGE', shrinksTo: 24, cut: nameCut },
  { title: 'PLATFORMS' },
  { title: 'SIZE', align: 'right' },
  { title: 'SHARED', align: 'right' },
  { title: 'AGE', align: 'right' },
  { title: 'LAST PULL', align: 'right' },
]
const PINNED: Column = { title: 'PINNED', shrinksTo: 8 }

const JUST_NOW_MS = 60_000

/** `width`: of the terminal; undefined in a pipe, where nothing is shortened. */
export function imageTable(
  images: readonly ImageRow[],
  now: number,
  width: number | undefined,
): string {
  const isPinned = images.some(({ pinnedBy }) => pinnedBy.length > 0)
  const columns = isPinned ? [...COLUMNS, PINNED] : COLUMNS
  const rows = (platforms: typeof platformsText): string[][] =>
    images.map((image) => [
      width === undefined ? referenceOf(image) : withShortDigest(referenceOf(image)),
      platforms(image.platforms),
      formatBytes(image.sizeBytes),
      formatBytes(image.sharedBytes),
      ago(now, image.storedAt),
      ago(now, image.lastPullAt),
      ...(isPinned ? [image.pinnedBy.join(', ') || '-'] : []),
    ])
  const long = rows(platformsText)
  const isWide = width === undefined || fits(columns, long, width)
  return columnsText(columns, isWide ? long : rows(platformsCount), width)
}

/** With exact numbers and ISO times. */
export function imageAsJson(image: ImageRow): object {
  const { registry, repository, tag, digest, platforms, sizeBytes, sharedBytes, pinnedBy } = image
  return {
    reference: referenceOf(image),
    registry,
    repository,
    tag: tag ?? null,
    digest,
    platforms: platforms.map(({ platform, isComplete }) => ({
      platform: platform === '' ? null : platform,
      complete: isComplete,
    })),
    sizeBytes,
    sharedBytes,
    storedAt: new Date(image.storedAt).toISOString(),
    lastPullAt: image.lastPullAt === undefined ? null : new Date(image.lastPullAt).toISOString(),
    pinnedBy,
  }
}

function referenceOf({ registry, repository, tag, digest }: ImageRow): string {
  const name = `${registry}/${repository}`
  return tag === undefined ? `${name}@${digest}` : `${name}:${tag}`
}

/** `linux/amd64, linux/arm64/v8 (partial)`; of an image without an index, only whether it is whole. */
function platformsText(platforms: ImageRow['platforms']): string {
  const [only] = platforms
  if (only === undefined) return 'none held'
  if (platforms.length === 1 && only.platform === '')
    return only.isComplete ? 'complete' : 'partial'
  return platforms
    .map(({ platform, isComplete }) => `${platform || 'unnamed'}${isComplete ? '' : ' (partial)'}`)
    .join(', ')
}

/** `2 complete, 1 partial`; a single one has its name. */
function platformsCount(platforms: ImageRow['platforms']): string {
  if (platforms.length < 2) return platformsText(platforms)
  const complete = platforms.filter(({ isComplete }) => isComplete).length
  const partial = platforms.length - complete
  return [
    ...(complete > 0 ? [`${complete} complete`] : []),
    ...(partial > 0 ? [`${partial} partial`] : []),
  ].join(', ')
}

function ago(now: number, at: number | undefined): string {
  if (at === undefined) return '-'
  return now - at < JUST_NOW_MS ? 'just now' : formatElapsed(now - at)
}
