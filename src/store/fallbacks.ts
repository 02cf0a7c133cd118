// What tags fall back on while their newer digest is not whole, by what is held. For both connections.

import type { Database, Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import { fallbackStatements } from './removal-statements.ts'
import { statements } from './statements.ts'

interface TagRow {
  readonly digest: Digest
  readonly lastUse: number
}

export class Fallbacks {
  readonly #tags: Statement
  readonly #wholePlatforms: Statement

  constructor(database: Database) {
    this.#tags = database.prepare(fallbackStatements.tagsWithFallback)
    this.#wholePlatforms = database.prepare(statements.wholePlatforms)
  }

  /** Whether a tag has nothing else to fall back on. */
  isNeeded(digest: Digest): boolean {
    return this.#needing(digest).length > 0
  }

  /** The last use of the tags that have nothing else to fall back on; 0 where there are none. */
  neededUntil(digest: Digest): number {
    return Math.max(0, ...this.#needing(digest).map(({ lastUse }) => lastUse))
  }

  #needing(digest: Digest): readonly TagRow[] {
    const tags = this.#tags.all({ digest }) as TagRow[]
    return tags.filter((tag) => !this.#covers(digest, tag.digest))
  }

  /** Whether the newer is whole for every platform for which the older is. */
  #covers(older: Digest, newer: Digest): boolean {
    const whole = this.#wholeFor(newer)
    return this.#wholeFor(older).every((platform) => whole.includes(platform))
  }

  #wholeFor(digest: Digest): readonly string[] {
    const rows = this.#wholePlatforms.all({ digest }) as { platform: string }[]
    return rows.map(({ platform }) => platform)
  }
}
