// A blob as it is answered: from a file, from a download under way, or passed through unstored.

import { NO_FILE } from '../lib/byte-source.ts'
import type { ByteSource } from '../lib/byte-source.ts'
import type { Extent } from '../lib/extents.ts'
import type { StoredBlob } from '../store/blob-store.ts'
import type { Fill } from './fill.ts'
import type { PassThrough } from './pass-through.ts'

/** A blob that can be served. To be released once, however its response ends. */
export interface BlobAnswer {
  /** Undefined where upstream tells no size: such a body goes out chunked. */
  readonly sizeBytes: number | undefined
  /** From disk; from a download that was under way; from one started for this request; unstored. */
  readonly how: 'hit' | 'join' | 'miss' | 'passed'
  /** Of a download that may go on from what an earlier one left: what it has brought itself. */
  readonly fetchedBytes?: () => number
  /** The bytes, for a response that sends `windows` of them (the whole where it is undefined). */
  source(windows: readonly BlobWindow[] | undefined): ByteSource
  /** Instead of `source`, where no bytes are sent after all. */
  dismiss(): void
}

/** A part of a blob; `isOpen` where the client asked for everything from a start on. */
export interface BlobWindow extends Extent {
  readonly isOpen: boolean
}

/** `instead` gives the rest of a file that turns out to be unreadable, once its headers have gone out. */
export function hitAnswer(
  stored: StoredBlob,
  release: () => void,
  instead: (unreadable: Error) => PassThrough,
): BlobAnswer {
  const { fd, sizeBytes } = stored
  let passing: PassThrough | undefined
  const close = (): void => {
    passing?.close()
    release()
    void stored.close().catch(() => undefined)
  }
  return {
    sizeBytes,
    how: 'hit',
    source: () => ({
      fd,
      sizeBytes,
      available: (position) => Math.max(0, sizeBytes - position),
      arrived: () => Promise.resolve(),
      elsewhere: (position, end, unreadable) => {
        if (!unreadable) return undefined
        passing ??= instead(unreadable)
        return passing.bytes(position, end, 'lost')
      },
      release: close,
    }),
    dismiss: close,
  }
}

/** Each reader's own: nothing of it is in a file. */
export function passedAnswer(passing: PassThrough): BlobAnswer {
  const { sizeBytes } = passing
  const close = (): void => passing.close()
  return {
    sizeBytes,
    how: 'passed',
    source: () => ({
      fd: NO_FILE,
      sizeBytes,
      available: () => 0,
      arrived: () => Promise.resolve(),
      elsewhere: (position, end) => passing.bytes(position, end, 'unread'),
      release: close,
    }),
    dismiss: close,
  }
}

/** Of a download that is under way. */
export function fillAnswer(fill: Fill, how: 'join' | 'miss'): BlobAnswer {
  const whole = fill.follow()
  return {
    sizeBytes: fill.sizeBytes,
    how,
    fetchedBytes: () => fill.fetchedBytes,
    source: (windows) => {
      const [only, ...others] = windows ?? []
      if (!only || others.length > 0 || only.isOpen) return whole
      const source = fill.followWindow(only)
      whole.release()
      return source
    },
    dismiss: () => whole.release(),
  }
}
