// What lies under blobs/, found by looking there instead of in the index.

import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDigest } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { FoundBlob } from './blob-store.ts'
import { asStoreError } from './disk-error.ts'
import { blobPath } from './layout.ts'
import type { Layout } from './layout.ts'
import { stampOf } from './stamp.ts'

/** Digests in their order, a folder at a time. What is no content by its name is left out. */
export async function* publishedDigests(layout: Layout): AsyncGenerator<readonly Digest[]> {
  for (const algorithm of await namesIn(layout.blobs)) {
    for (const prefix of await namesIn(join(layout.blobs, algorithm))) {
      const names = await namesIn(join(layout.blobs, algorithm, prefix))
      const digests = names.map((hex) => parseDigest(`${algorithm}:${hex}`))
      yield digests.filter((digest) => digest?.startsWith(`${algorithm}:${prefix}`)) as Digest[]
    }
  }
}

/** Undefined where there is no such file. */
export async function findPublished(
  layout: Layout,
  digest: Digest,
): Promise<FoundBlob | undefined> {
  const path = blobPath(layout, digest)
  try {
    const stats = await stat(path, { bigint: true })
    if (!stats.isFile()) return undefined
    const { size, mtimeMs } = stats
    return { sizeBytes: Number(size), stamp: stampOf(stats), modifiedAt: Number(mtimeMs) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw asStoreError(error, `cannot read ${path}`)
  }
}

/** Undefined where there is no such file. */
export async function readPublished(
  layout: Layout,
  digest: Digest,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const path = blobPath(layout, digest)
  try {
    const file = await open(path, 'r')
    try {
      const bytes = Buffer.alloc(Math.min(maxBytes, (await file.stat()).size))
      const { bytesRead } = await file.read(bytes, 0, bytes.byteLength, 0)
      return bytes.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw asStoreError(error, `cannot read ${path}`)
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw asStoreError(error, `cannot read ${folder}`)
  }
}
