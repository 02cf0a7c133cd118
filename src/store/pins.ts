// What must stay: pins by who wants it, and how long those of a list outlast what the list says. Runs in
// the index worker.

import type { Database, Statement } from 'better-sqlite3'
import type { Reference, Repository } from '../oci/name.ts'
import type { ListPin, ListPins } from './index-port.ts'
import { REPOSITORY_ID } from './statements.ts'

export const pinStatements = {
  pin: `
    INSERT INTO pin (repository, reference, pinned_by, pinned_at)
    VALUES (@repository, @reference, @by, @pinnedAt) ON CONFLICT DO NOTHING`,
  unpin: `
    DELETE FROM pin
    WHERE repository = ${REPOSITORY_ID} AND reference = @reference AND pinned_by = @by`,
  unpinAll: `
    DELETE FROM pin
    WHERE pinned_by = @by OR (pinned_by >= @by || ' ' AND pinned_by < @by || '!')`,

  keep: `
    INSERT INTO pin (repository, reference, pinned_by, pinned_at, keep_ms)
    VALUES (@repository, @reference, @by, @at, @keepMs)
    ON CONFLICT DO UPDATE SET keep_ms = excluded.keep_ms, left_at = NULL
      WHERE keep_ms IS NOT excluded.keep_ms OR left_at IS NOT NULL`,
  leave: `
    UPDATE pin SET left_at = @at WHERE pinned_by = @by AND left_at IS NULL
      AND repository NOT IN (SELECT value FROM json_each(@unsure))`,
  comeBack: `
    UPDATE pin SET left_at = NULL
    WHERE repository = ${REPOSITORY_ID} AND reference = @reference AND pinned_by = @by`,
  end: `DELETE FROM pin WHERE left_at IS NOT NULL AND left_at + keep_ms <= @now`,
  findRepository: `SELECT id FROM repository WHERE registry = @registry AND name = @name`,
} as const

export class Pins {
  readonly #database: Database
  readonly #repositoryId: (repository: Repository) => number
  readonly #sql: Record<keyof typeof pinStatements, Statement>

  constructor(database: Database, repositoryId: (repository: Repository) => number) {
    this.#database = database
    this.#repositoryId = repositoryId
    this.#sql = Object.fromEntries(
      Object.entries(pinStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof pinStatements, Statement>
  }

  pin(repository: Repository, reference: Reference, by: string, pinnedAt: number): void {
    this.#database.transaction(() => {
      const id = this.#repositoryId(repository)
      this.#sql.pin.run({ repository: id, reference: textOf(reference), by, pinnedAt })
    })()
  }

  unpin(repository: Repository, reference: Reference, by: string): void {
    this.#sql.unpin.run({ ...repository, reference: textOf(reference), by })
  }

  unpinAll(by: string): void {
    this.#sql.unpinAll.run({ by })
  }

  /** All have left the list, as it were, and what it means comes back. */
  keep(by: string, { held, releasesOthers, still, unsure, at }: ListPins): void {
    this.#database.transaction(() => {
      if (releasesOthers) {
        const ids = unsure.flatMap((repository) => this.#knownId(repository) ?? [])
        this.#sql.leave.run({ by, at, unsure: JSON.stringify(ids) })
      }
      for (const { repository, reference } of still) {
        this.#sql.comeBack.run({ ...repository, reference: textOf(reference), by })
      }
      for (const pin of held) this.#keep(by, pin, at)
    })()
  }

  end(now: number): void {
    this.#sql.end.run({ now })
  }

  #keep(by: string, { repository, reference, keepMs }: ListPin, at: number): void {
    this.#sql.keep.run({
      repository: this.#repositoryId(repository),
      reference: textOf(reference),
      by,
      at,
      keepMs: keepMs ?? null,
    })
  }

  #knownId(repository: Repository): number | undefined {
    return (this.#sql.findRepository.get({ ...repository }) as { id: number } | undefined)?.id
  }
}

function textOf(reference: Reference): string {
  return 'tag' in reference ? reference.tag : reference.digest
}
