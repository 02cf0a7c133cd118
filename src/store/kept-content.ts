// What pins keep: all of it in bytes, and pin by pin what lists keep. Runs on the connection that only
// reads, so that no pull waits for long lists to be counted.

import type { Database, Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import { parseTag } from '../oci/name.ts'
import type { Repository, RepositoryName } from '../oci/name.ts'
import type { KeptBytes, KeptPage, ListedPin, PinCursor, PinningList } from './reader-port.ts'

const PAGE_ROWS = 250
const BLOCKS = '(size + 4095) / 4096 * 4096'
const OF_LIST = `pinned_by >= 'list ' AND pinned_by < 'list!'`

// CROSS JOIN: from the few pins, never from all tags.
function contentOf(pins: string): string {
  return `
    WITH RECURSIVE pinned AS (${pins}),
    below (digest) AS (
      SELECT reference FROM pinned
      UNION
      SELECT tag.digest FROM pinned CROSS JOIN tag
        ON tag.repository = pinned.repository AND tag.name = pinned.reference
      UNION
      SELECT tag.complete_digest FROM pinned CROSS JOIN tag
        ON tag.repository = pinned.repository AND tag.name = pinned.reference
        WHERE tag.complete_digest IS NOT NULL
      UNION
      SELECT edge.child FROM below CROSS JOIN edge ON edge.parent = below.digest
    )`
}

export const keptContentStatements = {
  pinnedBytes: `
    ${contentOf('SELECT repository, reference FROM pin')}
    SELECT coalesce(sum(${BLOCKS}), 0) AS bytes
    FROM below CROSS JOIN blob ON blob.digest = below.digest`,
  content: `
    ${contentOf('SELECT @repository AS repository, @reference AS reference')}
    SELECT blob.digest, ${BLOCKS} AS bytes
    FROM below CROSS JOIN blob ON blob.digest = below.digest`,
  listPins: `
    SELECT pin.repository AS row, reference, pinned_by AS "by", keep_ms AS keepMs, left_at AS leftAt,
      registry, name
    FROM pin CROSS JOIN repository ON repository.id = pin.repository
    WHERE (pin.repository, reference, pinned_by) > (@row, @reference, @by) AND ${OF_LIST}
    ORDER BY pin.repository, reference, pinned_by LIMIT @limit`,
  pinningLists: `
    SELECT pinned_by AS "by", min(keep_ms) AS keepMs FROM pin
    WHERE ${OF_LIST} AND left_at IS NULL GROUP BY pinned_by ORDER BY pinned_by`,
} as const

interface PinRow extends PinCursor {
  readonly registry: string
  readonly name: RepositoryName
  readonly keepMs: number | null
  readonly leftAt: number | null
}

export class KeptContent {
  readonly #sql: Record<keyof typeof keptContentStatements, Statement>

  constructor(database: Database) {
    this.#sql = Object.fromEntries(
      Object.entries(keptContentStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof keptContentStatements, Statement>
  }

  bytes(): number {
    return (this.#sql.pinnedBytes.get() as { bytes: number }).bytes
  }

  lists(): readonly PinningList[] {
    const rows = this.#sql.pinningLists.all() as { by: string; keepMs: number | null }[]
    return rows.map(({ by, keepMs }) => ({ by, keepMs: keepMs ?? undefined }))
  }

  byLists(after: PinCursor | undefined): KeptPage {
    const from = after ?? { row: 0, reference: '', by: '' }
    const rows = this.#sql.listPins.all({ ...from, limit: PAGE_ROWS }) as PinRow[]
    const contents = new Map<string, readonly KeptBytes[]>()
    const pins = rows.map((row): ListedPin => {
      const key = `${row.row} ${row.reference}`
      const content = contents.get(key) ?? this.#contentOf(row)
      contents.set(key, content)
      const { registry, name, by, keepMs, leftAt } = row
      const repository: Repository = { registry, name }
      const tag = parseTag(row.reference)
      const reference = tag === undefined ? { digest: row.reference as Digest } : { tag }
      return {
        ...{ repository, reference, by, content },
        ...{ keepMs: keepMs ?? undefined, leftAt: leftAt ?? undefined },
      }
    })
    const last = rows.length < PAGE_ROWS ? undefined : rows.at(-1)
    return { pins, next: last && { row: last.row, reference: last.reference, by: last.by } }
  }

  #contentOf({ row, reference }: PinRow): readonly KeptBytes[] {
    const rows = this.#sql.content.all({ repository: row, reference }) as {
      digest: Digest
      bytes: number
    }[]
    return rows.map(({ digest, bytes }) => [digest, bytes])
  }
}
