// Every SQL statement of the reader, by the name it is used under. Each takes a short while however
// much the index holds: a reader in mid-statement keeps SQLite's log from being taken in.

/** What a tag shows: what upstream calls it now where that is held, else what it was before. */
const SHOWN = `CASE
  WHEN EXISTS (SELECT 1 FROM manifest WHERE digest = tag.digest) THEN tag.digest
  WHEN EXISTS (SELECT 1 FROM manifest WHERE digest = tag.complete_digest) THEN tag.complete_digest
END`

export const readerStatements = {
  nextRegistry: `SELECT min(registry) AS registry FROM repository WHERE registry > @after`,
  nextRepository: `
    SELECT id, name FROM repository
    WHERE registry = @registry AND name >= @from AND name < @below
    ORDER BY name LIMIT 1`,
  repositoryNames: `SELECT name FROM repository WHERE registry = @registry`,
  tags: `
    SELECT name, ${SHOWN} AS digest FROM tag
    WHERE repository = @repository AND name >= @from AND name < @below AND name > @after
    ORDER BY name LIMIT @limit`,
  untagged: `
    SELECT content.digest FROM content JOIN manifest ON manifest.digest = content.digest
    WHERE repository = @repository AND kind = 'manifest' AND NOT is_claim
      AND content.digest >= @from AND content.digest < @below AND content.digest > @after
      AND content.digest NOT IN
        (SELECT ${SHOWN} FROM tag WHERE repository = @repository AND ${SHOWN} IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM edge WHERE child = content.digest AND edge.kind = 'manifest')
    ORDER BY content.digest LIMIT @limit`,
  manifest: `
    SELECT length(bytes) AS size, stored_at AS storedAt, used_at AS usedAt FROM manifest
    WHERE digest = @digest`,
  edges: `
    SELECT child, kind, platform, blob.size AS storedBytes FROM edge
    LEFT JOIN blob ON edge.kind = 'blob' AND blob.digest = edge.child
    WHERE parent = @parent ORDER BY position`,
  parents: `SELECT DISTINCT parent FROM edge WHERE child = @child LIMIT @limit`,
  /** Rows that show a manifest itself: one for each such tag, and for each repository that has it untagged. */
  rowsOf: `
    WITH shown AS (
      SELECT repository FROM tag
      WHERE (digest = @digest OR complete_digest = @digest) AND ${SHOWN} = @digest)
    SELECT (SELECT count(*) FROM shown) AS tagged,
      (SELECT count(*) FROM content
        WHERE content.digest = @digest AND kind = 'manifest' AND NOT is_claim
          AND repository NOT IN (SELECT repository FROM shown)) AS untagged`,
  pins: `
    SELECT DISTINCT pinned_by FROM pin
    WHERE repository = @repository AND (reference IN (@tag, @digest) OR reference IN
      (SELECT name FROM tag WHERE repository = @repository AND complete_digest = @digest))
    ORDER BY pinned_by`,
  pullCounts: `
    SELECT day, registry, hits, joins, misses, stale,
      served_bytes AS servedBytes, fetched_bytes AS fetchedBytes
    FROM pull_count WHERE day >= @since ORDER BY day, registry`,
} as const
