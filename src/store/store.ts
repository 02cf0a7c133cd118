// The data folder, open: index, blobs and the workers that hash. One owner at a time.

import type { BlobStore } from './blob-store.ts'
import { openBlobFiles } from './blob-files.ts'
import { asStoreError } from './disk-error.ts'
import { makeFolder } from './durable-folder.ts'
import { startHasher } from './hasher.ts'
import type { Hasher } from './hasher.ts'
import { openIndexClient } from './index-client.ts'
import type { Index } from './index-port.ts'
import { indexInspection } from './inspect.ts'
import type { IndexInspection } from './inspect.ts'
import { layoutOf } from './layout.ts'
import { openReader } from './reader-client.ts'
import type { IndexReader } from './reader-port.ts'
import { rememberingIndex } from './remembering-index.ts'
import { saveWarmFailed } from './warm-failed.ts'

export interface Store {
  readonly index: Index
  readonly blobs: BlobStore
  readonly hasher: Hasher
  readonly inspection: IndexInspection
  /** For whoever looks at the index at length. */
  readonly reader: IndexReader
  /** Keeps the list of what a run could not warm, or takes the last one away; where it is. */
  saveWarmFailed(text: string | undefined): Promise<string | undefined>
  close(): Promise<void>
}

/** Takes the folder's lock. Throws StoreError where it is in use, newer, damaged or not writable. */
export async function openStore(folder: string, hashWorkers: number): Promise<Store> {
  const layout = layoutOf(folder)
  try {
    await makeFolder(folder)
  } catch (error) {
    throw asStoreError(error, `cannot make the data folder ${folder}`)
  }
  // The lock comes first: nothing is touched in a folder that another process owns.
  const index = rememberingIndex(await openIndexClient(layout))
  try {
    const blobs = await openBlobFiles(layout)
    const hasher = startHasher(hashWorkers)
    const reader = openReader(layout)
    return {
      index,
      blobs,
      hasher,
      inspection: indexInspection(layout),
      reader,
      saveWarmFailed: (text) => saveWarmFailed(layout, text),
      close: async () => {
        await hasher.close()
        await reader.close()
        await index.close()
      },
    }
  } catch (error) {
    await index.close()
    throw error
  }
}
