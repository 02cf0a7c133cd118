// Published content as files, one per digest for all repositories.

import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { BlobStore, StoredBlob } from './blob-store.ts'
import { asStoreError } from './disk-error.ts'
import { makeFolder } from './durable-folder.ts'
import { discardStaged, diskSpace, remove, stagedBytes, stagedFiles } from './kept-files.ts'
import { blobPath } from './layout.ts'
import type { Layout } from './layout.ts'
import { findPublished, publishedDigests, readPublished } from './published-files.ts'
import { putContent, removeIncoming } from './put-content.ts'
import { Quarantine } from './quarantine.ts'
import { isResumable, stageBlob } from './staged-blob.ts'
import { stampOf } from './stamp.ts'

/** Makes the folders. Throws StoreError where the data folder cannot be written. */
export async function openBlobFiles(layout: Layout): Promise<BlobStore> {
  try {
    for (const folder of [layout.staging, layout.blobs, layout.quarantine]) {
      await makeFolder(folder)
    }
    await removeIncoming(layout)
  } catch (error) {
    throw asStoreError(error, `cannot write to the data folder ${layout.folder}`)
  }
  const quarantine = new Quarantine(layout)
  return {
    open: (digest) => openPublished(blobPath(layout, digest)),
    find: (digest) => findPublished(layout, digest),
    read: (digest, maxBytes) => readPublished(layout, digest, maxBytes),
    published: () => publishedDigests(layout),
    put: (digest, bytes) => putContent(layout, digest, bytes),
    stage: (digest) => stageBlob(layout, digest),
    quarantine: (digest) => quarantine.add(digest),
    remove: (digest) => remove(blobPath(layout, digest)),
    staged: () => stagedFiles(layout),
    stagedBytes: (digest) => stagedBytes(layout, digest),
    isResumable: (digest) => isResumable(layout, digest),
    discardStaged: (digest) => discardStaged(layout, digest),
    quarantined: () => quarantine.list(),
    quarantinedBytes: () => quarantine.bytes(),
    removeQuarantined: (name) => quarantine.remove(name),
    disk: () => diskSpace(layout.folder),
  }
}

async function openPublished(path: string): Promise<StoredBlob | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const { fd } = file
    const stats = await file.stat({ bigint: true })
    const close = file.close.bind(file)
    return { fd, path, sizeBytes: Number(stats.size), stamp: stampOf(stats), close }
  } catch (error) {
    await file?.close()
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw asStoreError(error, `cannot read ${path}`)
  }
}
