// Published content as files, one per digest for all repositories.

import { mkdir, open, rename } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { BlobStore, StoredBlob } from './blob-store.ts'
import { asStoreError } from './disk-error.ts'
import { makeFolder } from './durable-folder.ts'
import {
  discardStaged,
  diskSpace,
  quarantinedFiles,
  remove,
  removeQuarantined,
  stagedBytes,
  stagedFiles,
} from './kept-files.ts'
import { blobPath, quarantinePath } from './layout.ts'
import type { Layout } from './layout.ts'
import { findPublished, publishedDigests, readPublished } from './published-files.ts'
import { putContent, removeIncoming } from './put-content.ts'
import { stageBlob } from './staged-blob.ts'
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
  return {
    open: (digest) => openPublished(blobPath(layout, digest)),
    find: (digest) => findPublished(layout, digest),
    read: (digest, maxBytes) => readPublished(layout, digest, maxBytes),
    published: () => publishedDigests(layout),
    put: (digest, bytes) => putContent(layout, digest, bytes),
    stage: (digest) => stageBlob(layout, digest),
    quarantine: (digest) => moveAside(layout, digest),
    remove: (digest) => remove(blobPath(layout, digest)),
    staged: () => stagedFiles(layout),
    stagedBytes: (digest) => stagedBytes(layout, digest),
    discardStaged: (digest) => discardStaged(layout, digest),
    quarantined: () => quarantinedFiles(layout),
    removeQuarantined: (name) => removeQuarantined(layout, name),
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

async function moveAside(layout: Layout, digest: Digest): Promise<void> {
  const target = quarantinePath(layout, digest)
  try {
    await mkdir(dirname(target), { recursive: true })
    await rename(blobPath(layout, digest), target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error instanceof StoreError ? error : asStoreError(error, `cannot move ${digest} aside`)
  }
}
