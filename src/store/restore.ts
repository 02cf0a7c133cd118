// What the index takes over that it did not see happen: rows of a damaged one that it replaces, and
// manifests that were found among the content. What it knows already stands. Runs in the index worker.

import type { Database, Statement } from 'better-sqlite3'
import { knownManifest } from '../oci/known-manifest.ts'
import type { Repository } from '../oci/name.ts'
import type { ManifestRecord, SalvagedRow } from './index-port.ts'
import { statements } from './statements.ts'

const restoreStatements = {
  restoreVisibility: `
    UPDATE repository SET is_public = @isPublic, public_checked_at = 0
    WHERE id = @repository AND is_public IS NULL`,
  restoreContent: `
    INSERT INTO content (repository, digest, kind, size, is_claim, is_open)
    VALUES (@repository, @digest, @kind, @size, @isClaim, @isOpen) ON CONFLICT DO NOTHING`,
  restoreTag: `
    INSERT INTO tag
      (repository, name, digest, media_type, size, complete_digest, checked_at, changed_at, used_at)
    VALUES (@repository, @tag, @digest, @mediaType, @size, @completeDigest, @checkedAt, @changedAt,
      @usedAt)
    ON CONFLICT DO NOTHING`,
  restorePin: `
    INSERT INTO pin (repository, reference, pinned_by, pinned_at, keep_ms, left_at)
    VALUES (@repository, @reference, @by, @pinnedAt, @keepMs, @leftAt) ON CONFLICT DO NOTHING`,
  restoreTagList: `
    INSERT INTO tag_list (repository, tags, fetched_at) VALUES (@repository, @tags, @fetchedAt)
    ON CONFLICT DO NOTHING`,
  restoreReferrers: `
    INSERT INTO referrers (repository, subject, descriptors, fetched_at)
    VALUES (@repository, @subject, @descriptors, @fetchedAt) ON CONFLICT DO NOTHING`,
  restoreCount: `
    INSERT INTO pull_count
      (day, registry, hits, joins, misses, stale, served_bytes, fetched_bytes)
    VALUES (@day, @registry, @hits, @joins, @misses, @stale, @servedBytes, @fetchedBytes)
    ON CONFLICT DO NOTHING`,
  linkContentEverywhere: statements.linkContentEverywhere,

  // Nobody lists it any more: as a tag that moved away leaves it, it goes in time where nobody pulls it.
  withoutName: `
    UPDATE manifest SET untagged_at = @at WHERE digest = @digest AND NOT EXISTS (
      SELECT 1 FROM content WHERE content.digest = manifest.digest AND NOT is_claim)`,
} as const

export interface RestoredInto {
  /** False where it was held already. */
  insertManifest(manifest: ManifestRecord): boolean
  repositoryId(repository: Repository): number
  pinsChanged(): void
}

export class Restoration {
  readonly #database: Database
  readonly #into: RestoredInto
  readonly #sql: Record<keyof typeof restoreStatements, Statement>

  constructor(database: Database, into: RestoredInto) {
    this.#database = database
    this.#into = into
    this.#sql = Object.fromEntries(
      Object.entries(restoreStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof restoreStatements, Statement>
  }

  restoreManifest(manifest: ManifestRecord): void {
    this.#database.transaction(() => {
      const { digest } = manifest
      if (!this.#into.insertManifest(manifest)) return
      this.#sql.linkContentEverywhere.run({ digest })
      this.#sql.withoutName.run({ digest, at: Date.now() })
    })()
  }

  restore(rows: readonly SalvagedRow[]): void {
    this.#database.transaction(() => {
      for (const row of rows) this.#restoreUnlessBad(row)
    })()
  }

  /** What this index cannot hold was not written by it. */
  #restoreUnlessBad(row: SalvagedRow): void {
    try {
      this.#restore(row)
    } catch (error) {
      if (!(error as { code?: string }).code?.startsWith('SQLITE_CONSTRAINT')) throw error
    }
  }

  #restore(row: SalvagedRow): void {
    switch (row.table) {
      case 'manifest': {
        const known = knownManifest(row.digest, row.bytes, row.mediaType)
        if (known) this.restoreManifest(known)
        return
      }
      case 'pull_count':
        this.#sql.restoreCount.run(row)
        return
      default:
        this.#restoreNamed(row, this.#into.repositoryId(row))
    }
  }

  #restoreNamed(row: NamedRow, repository: number): void {
    switch (row.table) {
      case 'repository': {
        const { isPublic } = row
        if (isPublic === undefined) return
        this.#sql.restoreVisibility.run({ repository, isPublic: isPublic ? 1 : 0 })
        return
      }
      case 'content': {
        const { digest, kind, sizeBytes, isClaim, isOpen } = row
        const flags = { isClaim: isClaim ? 1 : 0, isOpen: isOpen ? 1 : 0 }
        this.#sql.restoreContent.run({
          ...{ repository, digest, kind, size: sizeBytes ?? null, ...flags },
        })
        return
      }
      case 'tag': {
        const { tag, digest, mediaType, sizeBytes, completeDigest, checkedAt, changedAt } = row
        const to = { digest, mediaType: mediaType ?? null, size: sizeBytes ?? null }
        const dates = { checkedAt, changedAt, usedAt: row.usedAt ?? null }
        const whole = { completeDigest: completeDigest ?? null }
        this.#sql.restoreTag.run({ repository, tag, ...to, ...whole, ...dates })
        return
      }
      case 'pin': {
        const { reference, by, pinnedAt, keepMs, leftAt } = row
        const ending = { keepMs: keepMs ?? null, leftAt: leftAt ?? null }
        this.#sql.restorePin.run({ repository, reference, by, pinnedAt, ...ending })
        this.#into.pinsChanged()
        return
      }
      case 'tag_list': {
        const { tags, fetchedAt } = row
        this.#sql.restoreTagList.run({ repository, tags: JSON.stringify(tags), fetchedAt })
        return
      }
      case 'referrers': {
        const { subject, descriptors, fetchedAt } = row
        this.#sql.restoreReferrers.run({ repository, subject, descriptors, fetchedAt })
      }
    }
  }
}

type NamedRow = Exclude<SalvagedRow, { readonly table: 'manifest' | 'pull_count' }>
