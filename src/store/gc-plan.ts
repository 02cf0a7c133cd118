// What would be removed, without removing it: page by page, on the connection that only reads.

import type { Database, Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import { imageName, parseTag } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import { Fallbacks } from './fallbacks.ts'
import type { StoredDigest } from './index-port.ts'
import type { UseCursor, VictimImage } from './reader-port.ts'
import { gcPlanStatements } from './removal-statements.ts'

const PAGE_ROWS = 250

interface ImageRow {
  readonly row: number
  readonly digest: Digest
  readonly lastUse: number
}

/** What of an image nothing else uses, and nobody reads now. */
type OwnBytes = (image: Digest, inUse: readonly Digest[]) => number

export class GcPlan {
  readonly #sql: Record<keyof typeof gcPlanStatements, Statement>
  readonly #fallbacks: Fallbacks
  readonly #ownBytes: OwnBytes

  constructor(database: Database, ownBytes: OwnBytes) {
    this.#ownBytes = ownBytes
    this.#fallbacks = new Fallbacks(database)
    this.#sql = Object.fromEntries(
      Object.entries(gcPlanStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof gcPlanStatements, Statement>
  }

  /** As far as no tag needs them to fall back on. */
  untagged(before: number, after: string, inUse: readonly Digest[]): readonly VictimImage[] {
    for (let last = after; ;) {
      const page = { before, after: last, limit: PAGE_ROWS }
      const rows = this.#sql.untaggedAfter.all(page) as ImageRow[]
      const end = rows.at(-1)
      const free = rows.filter(({ digest }) => !this.#fallbacks.isNeeded(digest))
      if (!end || free.length > 0) return free.map((row) => this.#victim(row, inUse))
      last = end.digest
    }
  }

  byUse({ lastUse, row }: UseCursor, inUse: readonly Digest[]): readonly VictimImage[] {
    const range = { after: lastUse, afterRow: row, before: Number.MAX_SAFE_INTEGER }
    const rows = this.#sql.imagesByUse.all({ ...range, limit: PAGE_ROWS }) as ImageRow[]
    return rows.map((each) => this.#victim(each, inUse))
  }

  naming(digests: readonly Digest[]): readonly Digest[] {
    const rows = this.#sql.namingAny.all({ digests: JSON.stringify(digests) }) as {
      digest: Digest
    }[]
    return rows.map(({ digest }) => digest)
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

  #victim({ digest, lastUse, row }: ImageRow, inUse: readonly Digest[]): VictimImage {
    return {
      digest,
      name: this.#nameOf(digest),
      ownBytes: this.#ownBytes(digest, inUse),
      lastUse: Math.max(lastUse, this.#fallbacks.neededUntil(digest)),
      cursor: { lastUse, row },
    }
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
