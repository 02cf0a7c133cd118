// DATA/warm-failed.txt: the list of what the last run of `warm` could not fetch, to be warmed itself.

import { open, rename, rm } from 'node:fs/promises'
import { asStoreError } from './disk-error.ts'
import { syncFolder } from './durable-folder.ts'
import type { Layout } from './layout.ts'

/** Undefined takes away the one of the run before. Resolves to where it is. Throws StoreError. */
export async function saveWarmFailed(
  { folder, warmFailed }: Layout,
  text: string | undefined,
): Promise<string | undefined> {
  const incoming = `${warmFailed}.new`
  try {
    if (text === undefined) await rm(warmFailed, { force: true })
    else {
      await writeSynced(incoming, text)
      await rename(incoming, warmFailed)
    }
    await syncFolder(folder)
    return text === undefined ? undefined : warmFailed
  } catch (error) {
    await rm(incoming, { force: true }).catch(() => undefined)
    throw asStoreError(error, `cannot write ${warmFailed}`)
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'w', 0o644)
  try {
    await file.writeFile(text)
    await file.datasync()
  } finally {
    await file.close()
  }
}
