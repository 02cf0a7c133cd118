// What can still be read of a damaged index, row by row, and believed.

import type { Database } from 'better-sqlite3'
import { parseDigest } from '../oci/digest.ts'
import { parseRepositoryName, parseTag } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { SalvagedRow } from './index-port.ts'

type Row = Readonly<Record<string, unknown>>

/**
 * The contents before the manifests: what hangs on these is linked wherever they are contained. Reports of
 * earlier runs (warm_run) are not worth it: they are missed by nothing but `warm --last`.
 */
const TABLES: Readonly<Record<string, { readonly key: string; readonly read: Reader }>> = {
  content: { key: 'repository, digest', read: contentRow },
  manifest: { key: 'rowid', read: manifestRow },
  tag: { key: 'repository, name', read: tagRow },
  pin: { key: 'repository, reference', read: pinRow },
  tag_list: { key: 'repository', read: tagListRow },
  referrers: { key: 'repository, subject', read: referrersRow },
  pull_count: { key: 'day, registry', read: pullCountRow },
}

/** Undefined for a row that makes no sense. */
type Reader = (row: Row, repository: Repository | undefined) => SalvagedRow | undefined

export function* salvagedRows(database: Database): Generator<SalvagedRow> {
  const repositories = new Map<unknown, Repository>()
  for (const row of legibleRows(database, 'repository', 'id')) {
    const found = repositoryOf(row)
    if (!found) continue
    repositories.set(row['id'], found)
    const { is_public: isPublic } = row
    yield {
      table: 'repository',
      ...found,
      isPublic: typeof isPublic === 'number' ? isPublic === 1 : undefined,
    }
  }
  for (const [table, { key, read }] of Object.entries(TABLES)) {
    for (const row of legibleRows(database, table, key)) {
      const salvaged = read(row, repositories.get(row['repository']))
      if (salvaged) yield salvaged
    }
  }
}

/** From the front until a page cannot be read, then from the back until it is met again. */
function* legibleRows(database: Database, table: string, key: string): Generator<Row> {
  const backwards = key.split(', ').map((column) => `${column} DESC`)
  for (const order of [key, backwards.join(', ')]) {
    try {
      yield* database.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).iterate() as Iterable<Row>
      return
    } catch {
      continue
    }
  }
}

function repositoryOf({ registry, name }: Row): Repository | undefined {
  const parsed = typeof name === 'string' ? parseRepositoryName(name) : undefined
  if (!parsed || typeof registry !== 'string' || registry === '') return undefined
  return { registry, name: parsed }
}

function contentRow(row: Row, repository: Repository | undefined): SalvagedRow | undefined {
  const { digest, kind, size, is_claim: isClaim, is_open: isOpen } = row
  const parsed = parseDigest(String(digest))
  if (!repository || !parsed || (kind !== 'manifest' && kind !== 'blob')) return undefined
  return {
    table: 'content',
    ...repository,
    digest: parsed,
    kind,
    sizeBytes: optionalNumber(size),
    // What an index of an earlier version does not say is taken as the less that it may be.
    isClaim: isClaim !== 0,
    isOpen: isOpen === 1,
  }
}

function manifestRow({ digest, media_type: mediaType, bytes }: Row): SalvagedRow | undefined {
  const parsed = parseDigest(String(digest))
  if (!parsed || typeof mediaType !== 'string' || !(bytes instanceof Uint8Array)) return undefined
  return { table: 'manifest', digest: parsed, mediaType, bytes }
}

function tagRow(row: Row, repository: Repository | undefined): SalvagedRow | undefined {
  const tag = parseTag(String(row['name']))
  const digest = parseDigest(String(row['digest']))
  const { media_type: mediaType, checked_at: checkedAt, changed_at: changedAt } = row
  if (!repository || !tag || !digest) return undefined
  if (typeof checkedAt !== 'number' || typeof changedAt !== 'number') return undefined
  return {
    table: 'tag',
    ...repository,
    tag,
    digest,
    mediaType: typeof mediaType === 'string' ? mediaType : undefined,
    sizeBytes: optionalNumber(row['size']),
    completeDigest: parseDigest(String(row['complete_digest'])),
    checkedAt,
    changedAt,
    usedAt: optionalNumber(row['used_at']),
  }
}

function pinRow(row: Row, repository: Repository | undefined): SalvagedRow | undefined {
  const { reference, pinned_by: by, pinned_at: pinnedAt } = row
  if (!repository || typeof reference !== 'string') return undefined
  if (typeof by !== 'string' || typeof pinnedAt !== 'number') return undefined
  const keepMs = optionalNumber(row['keep_ms'])
  const leftAt = optionalNumber(row['left_at'])
  return { table: 'pin', ...repository, reference, by, pinnedAt, keepMs, leftAt }
}

function tagListRow(row: Row, repository: Repository | undefined): SalvagedRow | undefined {
  const { fetched_at: fetchedAt } = row
  const tags = listIn(row['tags'])
  if (!repository || !tags || typeof fetchedAt !== 'number') return undefined
  return { table: 'tag_list', ...repository, tags: tags.map(String), fetchedAt }
}

function referrersRow(row: Row, repository: Repository | undefined): SalvagedRow | undefined {
  const { descriptors, fetched_at: fetchedAt } = row
  const subject = parseDigest(String(row['subject']))
  if (!repository || !subject || typeof fetchedAt !== 'number') return undefined
  if (typeof descriptors !== 'string' || !listIn(descriptors)) return undefined
  return { table: 'referrers', ...repository, subject, descriptors, fetchedAt }
}

function pullCountRow(row: Row): SalvagedRow | undefined {
  const { day, registry, served_bytes: servedBytes, fetched_bytes: fetchedBytes, ...counts } = row
  if (typeof day !== 'string' || typeof registry !== 'string') return undefined
  const numbers = { ...counts, servedBytes, fetchedBytes }
  if (!Object.values(numbers).every((each) => typeof each === 'number')) return undefined
  return { table: 'pull_count', day, registry, ...numbers } as SalvagedRow
}

function listIn(text: unknown): unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(String(text))
    return Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
