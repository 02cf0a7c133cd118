// What lies in the data folder beside published content: downloads kept for resuming, and what is in
// quarantine. And how much room the disk has.

import { readdir, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDigest } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { DiskSpace, KeptFile } from './blob-store.ts'
import { asStoreError } from './disk-error.ts'
import { extentsPath, INCOMING, stagingPath } from './layout.ts'
import type { Layout } from './layout.ts'

const BLOCK_BYTES = 512

/** Every download in staging, with its notes. */
export async function stagedFiles(layout: Layout): Promise<readonly KeptFile<Digest>[]> {
  const byDigest = new Map<Digest, KeptFile<Digest>>()
  for (const { name, diskBytes, changedAt } of await filesIn(layout.staging)) {
    const digest = parseDigest(name.replace(/\..*$/, '').replace('-', ':'))
    if (!digest || name.endsWith(INCOMING)) continue
    const known = byDigest.get(digest)
    byDigest.set(digest, {
      name: digest,
      diskBytes: diskBytes + (known?.diskBytes ?? 0),
      changedAt: Math.max(changedAt, known?.changedAt ?? 0),
    })
  }
  return [...byDigest.values()]
}

export async function stagedBytes(layout: Layout, digest: Digest): Promise<number> {
  return (await diskBytesOf(stagingPath(layout, digest)))?.diskBytes ?? 0
}

export async function discardStaged(layout: Layout, digest: Digest): Promise<void> {
  await remove(stagingPath(layout, digest))
  await remove(extentsPath(layout, digest))
}

export async function quarantinedFiles(layout: Layout): Promise<readonly KeptFile<string>[]> {
  return await filesIn(layout.quarantine)
}

export async function removeQuarantined(layout: Layout, name: string): Promise<void> {
  await remove(join(layout.quarantine, name))
}

export async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch (error) {
    throw asStoreError(error, `cannot remove ${path}`)
  }
}

/** Undefined where the system does not tell. */
export async function diskSpace(folder: string): Promise<DiskSpace | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder)
    return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
  } catch {
    return undefined
  }
}

async function filesIn(folder: string): Promise<KeptFile<string>[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw asStoreError(error, `cannot list ${folder}`)
  })
  const found = await Promise.all(
    names.map(async (name) => {
      const file = await diskBytesOf(join(folder, name))
      return file ? [{ name, ...file }] : []
    }),
  )
  return found.flat()
}

/** Undefined where it has gone meanwhile. */
async function diskBytesOf(path: string): Promise<Omit<KeptFile<string>, 'name'> | undefined> {
  try {
    const { blocks, mtimeMs } = await stat(path)
    return { diskBytes: blocks * BLOCK_BYTES, changedAt: mtimeMs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw asStoreError(error, `cannot look at ${path}`)
  }
}
