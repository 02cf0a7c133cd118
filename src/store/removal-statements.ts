// The SQL of removing images and what only they used.

/** Kept whatever its age: by its digest, or by a tag that points to it or falls back on it. */
function isPinned(digest: string): string {
  return `(
    EXISTS (SELECT 1 FROM pin WHERE reference = ${digest})
    OR EXISTS (
      SELECT 1 FROM tag JOIN pin ON pin.repository = tag.repository AND pin.reference = tag.name
      WHERE tag.digest = ${digest} OR tag.complete_digest = ${digest}))`
}

const LAST_USE = 'coalesce(used_at, stored_at)'
const HAS_PARENT = `EXISTS (SELECT 1 FROM edge WHERE child = manifest.digest AND kind = 'manifest')`

/** No held manifest names it, and it is not the bytes of one. */
const IS_ORPHAN = `
  NOT EXISTS (SELECT 1 FROM edge WHERE child = blob.digest)
  AND NOT EXISTS (SELECT 1 FROM manifest WHERE digest = blob.digest)
  AND NOT EXISTS (SELECT 1 FROM pin WHERE reference = blob.digest)`

const IMAGES_BY_USE = `
    SELECT manifest.rowid AS row, digest, ${LAST_USE} AS lastUse FROM manifest
    WHERE ${LAST_USE} >= @after AND NOT (${LAST_USE} = @after AND manifest.rowid <= @afterRow)
      AND ${LAST_USE} < @before AND NOT ${HAS_PARENT} AND NOT ${isPinned('manifest.digest')}
    ORDER BY ${LAST_USE}, manifest.rowid LIMIT @limit`

/** Nobody has used it since then either. A tag may fall back on it still. */
const IS_UNTAGGED = `
  untagged_at < @before AND ${LAST_USE} < @before AND NOT ${HAS_PARENT}
  AND NOT EXISTS (SELECT 1 FROM tag WHERE tag.digest = manifest.digest)
  AND NOT ${isPinned('manifest.digest')}`

// In slices of rows, so that a million of them never hold up an answer.
const ORPHANS_AMONG = `
  SELECT digest, size FROM (
    SELECT digest, size, ${LAST_USE} AS last_use FROM blob
    WHERE rowid > @after ORDER BY rowid LIMIT @scan) AS blob
  WHERE last_use < @before AND ${IS_ORPHAN}`
const SLICE_END = `
  SELECT max(rowid) AS last FROM
    (SELECT rowid FROM blob WHERE rowid > @after ORDER BY rowid LIMIT @scan)`

const NAMING_ANY = `
  WITH RECURSIVE above (digest) AS (
    SELECT value FROM json_each(@digests)
    UNION SELECT edge.parent FROM above JOIN edge ON edge.child = above.digest
  )
  SELECT digest FROM above`

export const fallbackStatements = {
  // A tag whose newer digest is not held at all counts by when it was last asked about.
  tagsWithFallback: `
    SELECT tag.digest,
      max(checked_at, coalesce(manifest.used_at, manifest.stored_at, 0)) AS lastUse
    FROM tag LEFT JOIN manifest ON manifest.digest = tag.digest WHERE complete_digest = @digest`,
} as const

/** The same questions for who only wants to know. */
export const gcPlanStatements = {
  namingAny: NAMING_ANY,
  imagesByUse: IMAGES_BY_USE,
  untaggedAfter: `
    SELECT rowid AS row, digest, ${LAST_USE} AS lastUse FROM manifest
    WHERE ${IS_UNTAGGED} AND digest > @after ORDER BY digest LIMIT @limit`,
  orphansAmong: ORPHANS_AMONG,
  sliceEnd: SLICE_END,
  anyName: `
    SELECT registry, repository.name, tag.name AS tag
    FROM content JOIN repository ON repository.id = content.repository
    LEFT JOIN tag ON tag.repository = repository.id AND tag.digest = content.digest
    WHERE content.digest = @digest AND NOT is_claim ORDER BY tag.name IS NULL LIMIT 1`,
} as const

const MAY_GO = `NOT ${HAS_PARENT} AND NOT ${isPinned('manifest.digest')} AS mayGo`

export const imageVictimStatements = {
  namingAny: NAMING_ANY,
  // In slices of rows, as above. What another held manifest names goes with that one.
  imagesAmong: `
    SELECT row, digest, lastUse, ${MAY_GO} FROM (
      SELECT rowid AS row, digest, ${LAST_USE} AS lastUse FROM manifest
      WHERE ${LAST_USE} >= @after AND NOT (${LAST_USE} = @after AND rowid <= @afterRow)
        AND ${LAST_USE} < @before
      ORDER BY ${LAST_USE}, rowid LIMIT @limit) AS manifest
    ORDER BY lastUse, row`,
  image: `
    SELECT rowid AS row, digest, ${LAST_USE} AS lastUse, ${MAY_GO} FROM manifest
    WHERE digest = @digest`,
} as const

export const removalStatements = {
  untagged: `
    SELECT digest, untagged_at AS untaggedAt FROM manifest
    WHERE untagged_at >= @after AND ${IS_UNTAGGED} ORDER BY untagged_at`,
  manifestUse: `SELECT ${LAST_USE} AS lastUse FROM manifest WHERE digest = @digest`,
  namedBy: `SELECT DISTINCT child FROM edge WHERE parent = @digest`,
  childManifests: `
    SELECT DISTINCT child FROM edge JOIN manifest ON manifest.digest = child
    WHERE parent = @digest AND kind = 'manifest'`,
  parents: `SELECT DISTINCT parent FROM edge WHERE child = @digest`,
  isPinned: `SELECT 1 WHERE ${isPinned('@digest')}`,
  isTagged: `SELECT 1 FROM tag WHERE digest = @digest OR complete_digest = @digest`,

  forgetManifest: `DELETE FROM manifest WHERE digest = @digest`,
  forgetReferrers: `
    DELETE FROM referrers WHERE subject = @digest
      AND repository IN (SELECT repository FROM content WHERE digest = @digest)`,
  tagsOf: `
    SELECT repository, registry, repository.name, tag.name AS tag
    FROM tag JOIN repository ON repository.id = tag.repository
    WHERE digest = @digest OR complete_digest = @digest`,
  // Its newer digest, or what it falls back on, may be held still.
  dropFallback: `UPDATE tag SET complete_digest = NULL WHERE complete_digest = @digest`,
  forgetTagWithoutManifest: `
    DELETE FROM tag WHERE repository = @repository AND name = @tag AND complete_digest IS NULL
      AND NOT EXISTS (SELECT 1 FROM manifest WHERE manifest.digest = tag.digest)`,
  forgetOrphan: `
    DELETE FROM blob WHERE digest = @digest AND ${IS_ORPHAN} RETURNING digest, size`,
  forgetContent: `
    DELETE FROM content WHERE digest = @digest
      AND NOT EXISTS (SELECT 1 FROM manifest WHERE digest = @digest)
      AND NOT EXISTS (SELECT 1 FROM blob WHERE digest = @digest)
      AND NOT EXISTS (SELECT 1 FROM edge WHERE child = @digest)
      AND NOT EXISTS (SELECT 1 FROM tag WHERE digest = @digest OR complete_digest = @digest)
    RETURNING repository`,
  repository: `SELECT registry, name FROM repository WHERE id = @id`,
  forgetEmptyRepository: `
    DELETE FROM repository WHERE id = @id
      AND NOT EXISTS (SELECT 1 FROM content WHERE repository = @id)
      AND NOT EXISTS (SELECT 1 FROM tag WHERE repository = @id)
      AND NOT EXISTS (SELECT 1 FROM pin WHERE repository = @id)
    RETURNING registry, name`,

  orphansAmong: ORPHANS_AMONG,
  sliceEnd: SLICE_END,

  tagOf: `
    SELECT tag.repository, tag.digest, tag.complete_digest AS completeDigest
    FROM tag JOIN repository ON repository.id = tag.repository
    WHERE registry = @registry AND repository.name = @name AND tag.name = @tag`,
  contentOf: `
    SELECT repository FROM content JOIN repository ON repository.id = content.repository
    WHERE registry = @registry AND name = @name AND digest = @digest`,
  forgetTag: `DELETE FROM tag WHERE repository = @repository AND name = @tag`,
  forgetPins: `DELETE FROM pin WHERE repository = @repository AND reference = @reference`,
  forgetContentIn: `DELETE FROM content WHERE repository = @repository AND digest = @digest`,
  tagsIn: `
    SELECT name AS tag FROM tag
    WHERE repository = @repository AND (digest = @digest OR complete_digest = @digest)`,
  isSeenElsewhere: `
    SELECT 1 FROM content
    WHERE digest = @digest AND repository <> @repository AND NOT is_claim LIMIT 1`,
} as const
