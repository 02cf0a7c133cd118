// What care did and could not do, one function per event, for the log.

import { formatBytes } from '../lib/units.ts'
import type { Logger } from '../lib/log.ts'
import type { Digest } from '../oci/digest.ts'
import { logRecoveryEvents } from './recovery-events.ts'
import type { RecoveryEvents } from './recovery-events.ts'

/** What went at one occasion. */
export interface Gone {
  images: number
  /** Of the first images. */
  readonly names: string[]
  blobs: number
  downloads: number
  /** Files in quarantine. */
  quarantined: number
  freedBytes: number
}

export interface CareEvents extends RecoveryEvents {
  /** Stored content failed a check and was taken out of service. */
  damaged(digest: Digest, found: string): void
  evicted(gone: Gone, because: string): void
  /** The file of a list is no longer there: what it kept may go from then on; undefined: never. */
  listGone(file: string, mayGoAt: number | undefined): void
  /** Room could not be made since the store itself failed. */
  roomFailed(because: string): void
}

export function logCareEvents(log: Logger): CareEvents {
  return {
    ...logRecoveryEvents(log),
    damaged(digest, found) {
      log.error(`${digest} is damaged (${found}): moved to quarantine`, { digest })
    },
    evicted(gone, because) {
      log.info(`removed ${goneText(gone)}: ${because}`, { ...gone, because })
    },
    listGone(list, mayGoAt) {
      const day = mayGoAt === undefined ? undefined : new Date(mayGoAt).toISOString().slice(0, 10)
      const stays = day === undefined ? 'stays until it is removed' : `may go from ${day} on`
      log.info(`${list} is gone: what it kept ${stays}`, { list, mayGoFrom: day })
    },
    roomFailed(because) {
      log.warn(`what to remove cannot be decided: ${because}`, { because })
    },
  }
}

/** `docker.io/library/app:1 and 3 more images, 1 unfinished download (1.2 GiB)` */
export function goneText(gone: Gone): string {
  const parts = [
    imagesText(gone),
    counted(gone.blobs, 'blob no image needs', 'blobs no image needs'),
    counted(gone.downloads, 'unfinished download'),
    counted(gone.quarantined, 'file in quarantine', 'files in quarantine'),
  ].filter((part) => part !== undefined)
  return `${parts.length === 0 ? 'nothing' : parts.join(', ')} (${formatBytes(gone.freedBytes)})`
}

function imagesText({ images, names }: Gone): string | undefined {
  const [first, second] = names
  if (first === undefined) return counted(images, 'image')
  if (images === 2 && second !== undefined) return `${first} and ${second}`
  const more = counted(images - 1, 'more image')
  return more === undefined ? first : `${first} and ${more}`
}

function counted(count: number, one: string, many = `${one}s`): string | undefined {
  if (count === 0) return undefined
  return count === 1 ? `1 ${one}` : `${count} ${many}`
}
