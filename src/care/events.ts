// What care did and could not do, one function per event, for the log.

import { formatBytes } from '../lib/units.ts'
import type { Logger } from '../lib/log.ts'
import type { Digest } from '../oci/digest.ts'
import { logRecoveryEvents } from './recovery-events.ts'
import type { RecoveryEvents } from './recovery-events.ts'

/** What went at one occasion. */
export interface Gone {
  images: number
  blobs: number
  downloads: number
  freedBytes: number
}

export interface CareEvents extends RecoveryEvents {
  /** Stored content failed a check and was taken out of service. */
  damaged(digest: Digest, found: string): void
  evicted(gone: Gone, because: string): void
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
    roomFailed(because) {
      log.warn(`what to remove cannot be decided: ${because}`, { because })
    },
  }
}

/** `3 images and 1 unfinished download (1.2 GiB)` */
export function goneText({ images, blobs, downloads, freedBytes }: Gone): string {
  const parts = [
    counted(images, 'image'),
    counted(blobs, 'blob no image needs', 'blobs no image needs'),
    counted(downloads, 'unfinished download'),
  ].filter((part) => part !== undefined)
  return `${parts.length === 0 ? 'nothing' : parts.join(' and ')} (${formatBytes(freedBytes)})`
}

function counted(count: number, one: string, many = `${one}s`): string | undefined {
  if (count === 0) return undefined
  return count === 1 ? `1 ${one}` : `${count} ${many}`
}
