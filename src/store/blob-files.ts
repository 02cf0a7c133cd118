// Published content as files, one per digest for all repositories.

import { mkdir, open, rename } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { BlobStore, StoredBlob } from './blob-store.ts'
import { asStoreError } from './disk-error.ts'
import { blobPath, quarantinePath } from './layout.ts'
import type { Layout } from './layout.ts'
import { stageBlob } from './staged-blob.ts'
import { stampOf } from './stamp.ts'

/** Makes the folders. Throws StoreError where the data folder cannot be written. */
export async function openBlobFiles(layout: Layout): Promise<BlobStore> {
  try {
    for (const folder of [layout.staging, layout.blobs, layout.quarantine]) {
      await mkdir(folder, { recursive: true })
    }
  } catch (error) {
    throw asStoreError(error, `cannot write to the data folder ${layout.folder}`)
  }
  return {
    open: (digest) => openPublished(blobPath(layout, digest)),
    stage: (digest) => stageBlob(layout, digest),
    quarantine: (digest) => moveAside(layout, digest),
  }
}

async function openPublished(path: string): Promise<StoredBlob | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, 'r')
    const { fd } = file
    const stats = await file.stat({ bigint: true })
    const close = file.close.bind(file)
    return { fd, sizeBytes: Number(stats.size), stamp: stampOf(stats), close }
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
