// What must stay: pins by who wants it, and how long those of a list outlast what the list says. Runs in
// the index worker.

import type { Database, Statement } from 'better-sqlite3'
import { referenceText, repositoryKey } from '../oci/name.ts'
import type { Reference, Repository } from '../oci/name.ts'
import type { LeftPin, ListPin, ListPins } from './index-port.ts'
import { REPOSITORY_ID } from './statements.ts'

export const pinStatements = {
  any: `SELECT 1 FROM pin LIMIT 1`,
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
  pinsOf: `
    SELECT repository AS id, reference, registry, name, left_at AS leftAt
    FROM pin JOIN repository ON repository.id = pin.repository WHERE pinned_by = @by`,
  mark: `
    UPDATE pin SET left_at = @leftAt
    WHERE repository = @id AND reference = @reference AND pinned_by = @by`,
  end: `DELETE FROM pin WHERE left_at IS NOT NULL AND left_at + keep_ms <= @now`,
  endLeft: `
    DELETE FROM pin WHERE repository = ${REPOSITORY_ID} AND reference = @reference
      AND pinned_by = @by AND left_at = @leftAt`,
} as const

interface PinRow extends Repository {
  readonly id: number
  readonly reference: string
  readonly leftAt: number | null
}

export class Pins {
  readonly #database: Database
  readonly #repositoryId: (repository: Repository) => number
  readonly #sql: Record<keyof typeof pinStatements, Statement>

  #version: number | undefined

  constructor(database: Database, repositoryId: (repository: Repository) => number) {
    this.#database = database
    this.#repositoryId = repositoryId
    this.#sql = Object.fromEntries(
      Object.entries(pinStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof pinStatements, Statement>
  }

  /** Another one after every change; 0 until there is any pin. */
  get version(): number {
    return (this.#version ??= this.#sql.any.get() === undefined ? 0 : 1)
  }

  /** Pins were removed with what they kept, or taken over from another index. */
  changed(): void {
    this.#version = this.version + 1
  }

  pin(repository: Repository, reference: Reference, by: string, pinnedAt: number): void {
    this.#database.transaction(() => {
      const id = this.#repositoryId(repository)
      this.#run('pin', { repository: id, reference: referenceText(reference), by, pinnedAt })
    })()
  }

  unpin(repository: Repository, reference: Reference, by: string): void {
    this.#run('unpin', { ...repository, reference: referenceText(reference), by })
  }

  unpinAll(by: string): void {
    this.#run('unpinAll', { by })
  }

  /** What stays as it was is not written: lists are long, and mean mostly what they meant before. */
  keep(by: string, { held, releasesOthers, still, unsure, at }: ListPins): void {
    const meant = new Set([...held, ...still].map(keyOf))
    const isUnsure = new Set(unsure.map(repositoryKey))
    this.#database.transaction(() => {
      for (const { id, reference, leftAt, ...repository } of this.#pinsOf(by)) {
        const key = repositoryKey(repository)
        const isMeant = meant.has(`${key} ${reference}`)
        const leaves = releasesOthers && leftAt === null && !isMeant && !isUnsure.has(key)
        const comesBack = isMeant && leftAt !== null
        if (leaves) this.#run('mark', { id, reference, by, leftAt: at })
        else if (comesBack) this.#run('mark', { id, reference, by, leftAt: null })
      }
      for (const pin of held) this.#keep(by, pin, at)
    })()
  }

  end(now: number): void {
    this.#run('end', { now })
  }

  /** Each only where it has left still. */
  endLeft(pins: readonly LeftPin[]): void {
    this.#database.transaction(() => {
      for (const { repository, reference, by, leftAt } of pins) {
        this.#run('endLeft', { ...repository, reference: referenceText(reference), by, leftAt })
      }
    })()
  }

  #run(name: keyof typeof pinStatements, values: Readonly<Record<string, unknown>>): void {
    if (this.#sql[name].run(values).changes > 0) this.changed()
  }

  #keep(by: string, { repository, reference, keepMs }: ListPin, at: number): void {
    this.#run('keep', {
      repository: this.#repositoryId(repository),
      reference: referenceText(reference),
      by,
      at,
      keepMs: keepMs ?? null,
    })
  }

  #pinsOf(by: string): readonly PinRow[] {
    return this.#sql.pinsOf.all({ by }) as PinRow[]
  }
}

function keyOf({ repository, reference }: Omit<ListPin, 'keepMs'>): string {
  return `${repositoryKey(repository)} ${referenceText(reference)}`
}
