// Which tags clients ask for, and when they did last. Runs in the index worker.

import type { Database, Statement } from 'better-sqlite3'
import type { Repository, Tag } from '../oci/name.ts'
import type { TagUse } from './index-port.ts'
import { REPOSITORY_ID } from './statements.ts'

/** Names are ASCII: what begins with a text sorts below the text and this. */
const AFTER_ALL = '\u007f'

export const useStatements = {
  // A tag that is not known here was given out without a row: nothing can be told of it later either.
  use: `
    UPDATE tag SET used_at = @usedAt
    WHERE repository = ${REPOSITORY_ID} AND name = @tag AND (used_at IS NULL OR used_at < @usedAt)`,
  tags: `
    SELECT name FROM tag WHERE repository = ${REPOSITORY_ID} AND used_at >= @since
    ORDER BY used_at DESC, name LIMIT @limit`,
  repositories: `
    SELECT registry, name FROM repository
    WHERE registry = @registry AND name >= @from AND name < @below AND EXISTS
      (SELECT 1 FROM tag WHERE tag.repository = repository.id AND used_at >= @since)
    ORDER BY name LIMIT @limit`,
} as const

export class TagUses {
  readonly #sql: Record<keyof typeof useStatements, Statement>

  constructor(database: Database) {
    this.#sql = Object.fromEntries(
      Object.entries(useStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof useStatements, Statement>
  }

  record(uses: readonly TagUse[]): void {
    for (const { repository, tag, usedAt } of uses) {
      this.#sql.use.run({ ...repository, tag, usedAt })
    }
  }

  tags(repository: Repository, since: number, limit: number): readonly Tag[] {
    const rows = this.#sql.tags.all({ ...repository, since, limit }) as { name: Tag }[]
    return rows.map(({ name }) => name)
  }

  repositories(
    registry: string,
    startsWith: string,
    since: number,
    limit: number,
  ): readonly Repository[] {
    const range = { from: startsWith, below: startsWith + AFTER_ALL }
    return this.#sql.repositories.all({ registry, ...range, since, limit }) as Repository[]
  }
}
