// Lists that were deleted or renamed: what they kept has left them.

import path from 'node:path'
import { within } from '../lib/within.ts'
import type { Index } from '../store/index-port.ts'
import type { IndexReader } from '../store/reader-port.ts'
import type { CareEvents } from './events.ts'

export interface GoneListsOptions {
  readonly index: Pick<Index, 'keepPins'>
  readonly reader: Pick<IndexReader, 'pinningLists'>
  /** Rejects where there is no such file or folder, with the system's code. */
  readonly stat: (path: string) => Promise<unknown>
  readonly events: Pick<CareEvents, 'listGone'>
  readonly now: () => number
}

const BY_LIST = 'list '
/** A network folder may not answer for as long as anybody waits. */
const LOOK_MS = 5_000

/**
 * What they kept stays for its own time from now on. Only where somebody asks for it: another machine or
 * container may see files that the owner of the store does not.
 */
export async function leaveGoneLists(options: GoneListsOptions): Promise<void> {
  const { index, reader, stat, events, now } = options
  for (const { by, keepMs } of await reader.pinningLists()) {
    const file = by.slice(BY_LIST.length)
    const found = path.isAbsolute(file) && (await within(LOOK_MS, isGone(file, stat)))
    // Each look that hangs holds up a thread of those that read and write the store.
    if (found === 'slow') return
    if (!found) continue
    const nothing = { held: [], still: [], unsure: [] }
    const at = now()
    await index.keepPins(by, { ...nothing, releasesOthers: true, at })
    events.listGone(file, keepMs === undefined ? undefined : at + keepMs)
  }
}

/** Certainly: where its folder is not there either, nobody knows. */
async function isGone(file: string, stat: GoneListsOptions['stat']): Promise<boolean> {
  try {
    await stat(file)
    return false
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return false
  }
  return await stat(path.dirname(file)).then(
    () => true,
    () => false,
  )
}
