// What one reader sees of a download: what may be given out by now, and what upstream has where the
// store fails.

import type { ByteSource } from '../lib/byte-source.ts'
import type { Demand } from './demand.ts'
import type { FillFile } from './fill-file.ts'
import { WITHHELD_BYTES } from './pass-through.ts'
import type { PassThrough, Prefix } from './pass-through.ts'

/** What a download knows of its content by now. */
export interface FillContent {
  /** Undefined while upstream has not told it. */
  totalBytes: number | undefined
  /** Readers are answered. */
  isAnswerable: boolean
  /** All of it is in the file, and right. */
  isVerified: boolean
  /** The store has failed: what is not in the file by now never will be. */
  isLost: boolean
}

export interface Followed {
  readonly content: Readonly<FillContent>
  readonly file: FillFile
  readonly demand: Demand
  readonly passThrough: () => PassThrough
}

/** `early`: of one short window, whose last bytes are not withheld. */
export function readerOf(
  { content, file, demand, passThrough }: Followed,
  early: boolean,
): ByteSource {
  const readableEnd = (position: number): number => {
    if (content.isVerified) return content.totalBytes as number
    const { progress } = file
    const end = progress.endFrom(position)
    if (early) return end
    return Math.min(end, (content.totalBytes ?? progress.frontier) - WITHHELD_BYTES)
  }
  const prefixOf = (position: number): Prefix =>
    position <= file.progress.frontier ? file.staged.fd : 'unread'
  let passing: PassThrough | undefined
  const source: ByteSource = {
    fd: file.staged.fd,
    get sizeBytes() {
      return content.totalBytes
    },
    available: (position) => Math.max(0, readableEnd(position) - position),
    arrived: (position) =>
      demand.followers.waitUntil(
        () =>
          content.isLost ||
          readableEnd(position) > position ||
          (content.isVerified && position >= (content.totalBytes as number)),
      ),
    elsewhere: (position, end, unreadable) => {
      if (!content.isLost && !unreadable) return undefined
      passing ??= passThrough()
      return passing.bytes(position, end, unreadable ? 'lost' : prefixOf(position))
    },
    release: () => {
      passing?.close()
      demand.leave(source)
    },
  }
  demand.join(source)
  return source
}
