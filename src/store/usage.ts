// What published content and the index take on disk, known at any time without counting again.

import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'
import type { StoreUsage } from './index-port.ts'

export class Usage {
  readonly #index: string
  readonly #read: Statement

  constructor(database: Database) {
    this.#index = database.name
    this.#read = database.prepare('SELECT blobs, bytes FROM blob_total')
  }

  read(): StoreUsage {
    const { blobs, bytes } = this.#read.get() as { blobs: number; bytes: number }
    return { blobs, blobBytes: bytes, indexBytes: this.#indexBytes() }
  }

  /** With its log, its reserve, and the backups that lie beside it. */
  #indexBytes(): number {
    const folder = dirname(this.#index)
    const [prefix = 'index'] = basename(this.#index).split('.')
    const names = readdirSync(folder).filter((name) => name.startsWith(prefix))
    return names.reduce((sum, name) => {
      const stats = statSync(join(folder, name), { throwIfNoEntry: false })
      return sum + (stats?.size ?? 0)
    }, 0)
  }
}
