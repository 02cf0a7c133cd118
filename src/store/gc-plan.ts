// What would be removed, without removing it: page by page, on the connection that only reads.

import type { Database, Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import { imageName, parseTag } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { StoredDigest } from './index-port.ts'
import type { UseCursor, VictimImage } from './reader-port.ts'
import { gcPlanStatements } from './removal-statements.ts'

const PAGE_ROWS = 250

interface ImageRow {
  readonly row: number
  readonly digest: Digest
  readonly lastUse: number
}

export class GcPlan {
  readonly #sql: Record<keyof typeof gcPlanStatements, Statement>
  readonly #ownBytes: (image: Digest) => number

  /** `ownBytes`: what of an image nothing else uses. */
  constructor(database: Database, ownBytes: (image: Digest) => number) {
    this.#ownBytes = ownBytes
    this.#sql = Object.fromEntries(
      Object.entries(gcPlanStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof gcPlanStatements, Statement>
  }

  untagged(before: number, after: string): readonly VictimImage[] {
    const rows = this.#sql.untaggedAfter.all({ before, after, limit: PAGE_ROWS }) as ImageRow[]
    return rows.map((row) => this.#victim(row))
  }

  byUse({ lastUse, row }: UseCursor): readonly VictimImage[] {
    const range = { after: lastUse, afterRow: row, before: Number.MAX_SAFE_INTEGER }
    const rows = this.#sql.imagesByUse.all({ ...range, limit: PAGE_ROWS }) as ImageRow[]
    return rows.map((each) => this.#victim(each))
  }

  orphans(
    after: number,
    scan: number,
    before: number,
  ): { orphans: readonly StoredDigest[]; next: number | undefined } {
    const rows = this.#sql.orphansAmong.all({ after, scan, before }) as {
      digest: Digest
      size: number
    }[]
    const { last } = this.#sql.sliceEnd.get({ after, scan }) as { last: number | null }
    const orphans = rows.map(({ digest, size }) => ({ digest, sizeBytes: size }))
    return { orphans, next: last ?? undefined }
  }

  #victim({ digest, lastUse, row }: ImageRow): VictimImage {
    const ownBytes = this.#ownBytes(digest)
    return { digest, name: this.#nameOf(digest), ownBytes, cursor: { lastUse, row } }
  }

  /** By a tag if it has one, and one of them where it has many. */
  #nameOf(digest: Digest): string {
    const found = this.#sql.anyName.get({ digest }) as
      (Repository & { readonly tag: string | null }) | undefined
    if (!found) return digest
    const tag = found.tag === null ? undefined : parseTag(found.tag)
    return imageName(found, tag === undefined ? { digest } : { tag })
  }
}
