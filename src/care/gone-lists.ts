// Lists that were deleted or renamed: what they kept has left them.

import path from 'node:path'
import type { Index } from '../store/index-port.ts'
import type { IndexReader } from '../store/reader-port.ts'

export interface GoneListsOptions {
  readonly index: Pick<Index, 'keepPins'>
  readonly reader: Pick<IndexReader, 'pinningLists'>
  /** Whether it is certain that there is no such file. */
  readonly isGone: (file: string) => Promise<boolean>
  readonly now: () => number
}

const BY_LIST = 'list '

/** What they kept stays for its own time from now on. `besides`: lists that are known to be there. */
export async function leaveGoneLists(
  { index, reader, isGone, now }: GoneListsOptions,
  besides: readonly string[] = [],
): Promise<void> {
  for (const by of await reader.pinningLists()) {
    const file = by.slice(BY_LIST.length)
    if (!path.isAbsolute(file) || besides.includes(file) || !(await isGone(file))) continue
    const nothing = { held: [], still: [], unsure: [] }
    await index.keepPins(by, { ...nothing, releasesOthers: true, at: now() })
  }
}
