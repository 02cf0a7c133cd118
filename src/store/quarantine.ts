// Content that was found wrong, kept to be looked at; and how much of it there is, in memory.

import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StoreError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { KeptFile } from './blob-store.ts'
import { asStoreError } from './disk-error.ts'
import { quarantinedFiles, removeQuarantined } from './kept-files.ts'
import { blobPath, quarantinePath } from './layout.ts'
import type { Layout } from './layout.ts'

export class Quarantine {
  readonly #layout: Layout
  /** On disk, by name; undefined before it is listed, and after something was added. */
  #files: Map<string, number> | undefined

  constructor(layout: Layout) {
    this.#layout = layout
  }

  async add(digest: Digest): Promise<void> {
    const target = quarantinePath(this.#layout, digest)
    try {
      await mkdir(dirname(target), { recursive: true })
      await rename(blobPath(this.#layout, digest), target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error instanceof StoreError ? error : asStoreError(error, `cannot move ${digest} aside`)
    } finally {
      this.#files = undefined
    }
  }

  /** As the disk is now. */
  async list(): Promise<readonly KeptFile<string>[]> {
    const files = await quarantinedFiles(this.#layout)
    this.#files = new Map(files.map(({ name, diskBytes }) => [name, diskBytes]))
    return files
  }

  async remove(name: string): Promise<void> {
    await removeQuarantined(this.#layout, name)
    this.#files?.delete(name)
  }

  async bytes(): Promise<number> {
    if (!this.#files) await this.list()
    return [...(this.#files?.values() ?? [])].reduce((sum, bytes) => sum + bytes, 0)
  }
}
