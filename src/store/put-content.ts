// Small content that is in memory and verified already: written, synced and moved to its place at once.

import { open, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { asStoreError } from './disk-error.ts'
import { makeFolder, syncFolder } from './durable-folder.ts'
import { blobPath, incomingPath, INCOMING } from './layout.ts'
import type { Layout } from './layout.ts'
import { stampOf } from './stamp.ts'

/** Resolves to the stamp that the file has in its place. One at a time per digest: the caller's duty. */
export async function putContent(
  layout: Layout,
  digest: Digest,
  bytes: Uint8Array,
): Promise<string> {
  const incoming = incomingPath(layout, digest)
  const target = blobPath(layout, digest)
  let isInPlace = false
  try {
    const file = await open(incoming, 'w', 0o644)
    try {
      await file.writeFile(bytes)
      await file.datasync()
      await makeFolder(dirname(target))
      await rename(incoming, target)
      isInPlace = true
      await syncFolder(dirname(target))
      return stampOf(await file.stat({ bigint: true }))
    } finally {
      await file.close()
    }
  } catch (error) {
    const left = isInPlace ? target : incoming
    await rm(left, { force: true }).catch(() => undefined)
    throw asStoreError(error, `cannot keep ${digest}`)
  }
}

/** What a crash left half written; nobody may be putting content meanwhile. */
export async function removeIncoming(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.staging)) {
    if (name.endsWith(INCOMING)) await rm(join(layout.staging, name), { force: true })
  }
}
