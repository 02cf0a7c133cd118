// What published content and the index take on disk, known at any time without counting again.

import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Database, Statement } from 'better-sqlite3'
import type { StoreUsage } from './index-port.ts'

/** Files are given out in whole blocks. */
const BLOCKS = '(size + 4095) / 4096 * 4096'

export class Usage {
  readonly #index: string
  readonly #read: Statement

  /** Triggers of this connection keep the sum: whatever changes rows, and whatever is rolled back. */
  constructor(database: Database) {
    this.#index = database.name
    database.pragma('temp_store = MEMORY')
    const add = (sign: string, row: string): string =>
      `UPDATE total SET blobs = blobs ${sign} 1,
       bytes = bytes ${sign} (${BLOCKS.replace('size', `${row}.size`)});`
    database.exec(`
      CREATE TEMP TABLE total (blobs INTEGER NOT NULL, bytes INTEGER NOT NULL);
      INSERT INTO total SELECT count(*), coalesce(sum(${BLOCKS}), 0) FROM blob;
      CREATE TEMP TRIGGER blob_in AFTER INSERT ON main.blob BEGIN ${add('+', 'NEW')} END;
      CREATE TEMP TRIGGER blob_out AFTER DELETE ON main.blob BEGIN ${add('-', 'OLD')} END;
      CREATE TEMP TRIGGER blob_size AFTER UPDATE OF size ON main.blob
      BEGIN ${add('-', 'OLD')} ${add('+', 'NEW')} END;
    `)
    this.#read = database.prepare('SELECT blobs, bytes FROM total')
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
