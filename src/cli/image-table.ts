// What `ls` prints of an image. Pure.

import type { ImageRow } from '../care/jobs.ts'
import { formatBytes, formatElapsed } from '../lib/units.ts'
import { columnsText } from './columns.ts'
import type { Column } from './columns.ts'

const COLUMNS: readonly Column[] = [
  { title: 'IMAGE', shrinksTo: 24 },
  { title: 'PLATFORMS', shrinksTo: 12 },
  { title: 'SIZE', align: 'right' },
  { title: 'SHARED', align: 'right' },
  { title: 'AGE', align: 'right' },
  { title: 'LAST PULL', align: 'right' },
  { title: 'PINNED', shrinksTo: 8 },
]

/** Enough of a digest to tell it from others where a line has to be short. */
const SHORT_DIGEST_LENGTH = 'sha256:'.length + 12

/** `width`: of the terminal; undefined in a pipe, where nothing is shortened. */
export function imageTable(
  images: readonly ImageRow[],
  now: number,
  width: number | undefined,
): string {
  const rows = images.map((image) => [
    referenceOf(image, width !== undefined),
    platformsText(image.platforms),
    formatBytes(image.sizeBytes),
    formatBytes(image.sharedBytes),
    ago(now, image.storedAt),
    ago(now, image.lastPullAt),
    image.pinnedBy.join(', ') || '-',
  ])
  return columnsText(COLUMNS, rows, width)
}

/** With exact numbers and ISO times. */
export function imageAsJson(image: ImageRow): object {
  const { registry, repository, tag, digest, platforms, sizeBytes, sharedBytes, pinnedBy } = image
  return {
    reference: referenceOf(image, false),
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

function referenceOf({ registry, repository, tag, digest }: ImageRow, isShort: boolean): string {
  const name = `${registry}/${repository}`
  if (tag !== undefined) return `${name}:${tag}`
  return `${name}@${isShort ? digest.slice(0, SHORT_DIGEST_LENGTH) : digest}`
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

function ago(now: number, at: number | undefined): string {
  return at === undefined ? '-' : formatElapsed(Math.max(0, now - at))
}
