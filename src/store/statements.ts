// Every SQL statement of the index, by the name it is used under.

export const REPOSITORY_ID = `(SELECT id FROM repository WHERE registry = @registry AND name = @name)`

// Some registries give a manifest out as a blob too: what it was asked for once does not make it one.
const MANIFEST_WINS = `CASE WHEN excluded.kind = 'manifest' THEN 'manifest' ELSE kind END`

/** Whether anybody may read it somewhere. What is seen in a public repository is served there to all. */
function isOpen(digest: string): string {
  return `EXISTS (
    SELECT 1 FROM content AS seen JOIN repository ON repository.id = seen.repository
    WHERE seen.digest = ${digest} AND NOT seen.is_claim
      AND repository.is_public IS NOT 0 AND (seen.is_open OR repository.is_public))`
}

/** More would only say again what the first ones say. */
const SEEN_IN_MAX = 100

/** A repository that is seen again and again is not written again each time. */
const SEEN_AGAIN_MS = 3_600_000

/** `repositories` says in which of them, by rows of `content`. */
function linkWhere(repositories: string): string {
  return `
    WITH RECURSIVE tree (digest, kind, size) AS (
      SELECT child, kind, size FROM edge WHERE parent = @digest
      UNION
      SELECT edge.child, edge.kind, edge.size FROM tree JOIN edge ON edge.parent = tree.digest
      WHERE ${isOpen('tree.digest')}
    )
    INSERT INTO content (repository, digest, kind, size, is_claim)
    SELECT content.repository, tree.digest, tree.kind, tree.size, 1 FROM content CROSS JOIN tree
    WHERE ${repositories} AND (NOT content.is_claim OR ${isOpen('@digest')})
    ON CONFLICT (repository, digest) DO UPDATE SET
      size = coalesce(size, excluded.size), kind = ${MANIFEST_WINS}
    WHERE size IS NULL OR kind <> ${MANIFEST_WINS}`
}

export const statements = {
  insertRepository: `
    INSERT INTO repository (registry, name) VALUES (@registry, @name) ON CONFLICT DO NOTHING`,
  findRepository: `SELECT id FROM repository WHERE registry = @registry AND name = @name`,
  seenByAnyone: `
    UPDATE repository SET is_public = 1, public_checked_at = @seenAt
    WHERE id = @repository
      AND (is_public IS NOT 1 OR public_checked_at < @seenAt - ${SEEN_AGAIN_MS})`,
  seenUntilChecked: `
    UPDATE repository SET is_public = 1, public_checked_at = 0
    WHERE id = @repository AND is_public IS NULL`,
  seenByLogin: `
    UPDATE repository SET is_public = 0, public_checked_at = 0
    WHERE id = @repository AND is_public IS NULL`,
  findVisibility: `
    SELECT is_public, public_checked_at FROM repository
    WHERE registry = @registry AND name = @name AND is_public IS NOT NULL`,
  recordVisibility: `
    UPDATE repository SET is_public = @isPublic, public_checked_at = @checkedAt
    WHERE id = @repository`,
  heldRepositories: `
    SELECT registry, name, is_public FROM repository
    WHERE registry = @registry AND name > @after AND EXISTS (
      SELECT 1 FROM content JOIN manifest ON manifest.digest = content.digest
      WHERE content.repository = repository.id AND NOT content.is_claim
    )
    ORDER BY name LIMIT @limit`,

  findTag: `
    SELECT digest, media_type, size, checked_at, complete_digest FROM tag
    WHERE repository = ${REPOSITORY_ID} AND name = @tag`,
  moveTag: `
    INSERT INTO tag
      (repository, name, digest, media_type, size, complete_digest, checked_at, changed_at)
    VALUES (@repository, @tag, @digest, @mediaType, @size, @completeDigest, @checkedAt, @checkedAt)
    ON CONFLICT (repository, name) DO UPDATE SET
      changed_at = CASE WHEN digest = excluded.digest THEN changed_at ELSE excluded.changed_at END,
      media_type = CASE WHEN digest = excluded.digest
        THEN coalesce(excluded.media_type, media_type) ELSE excluded.media_type END,
      size = CASE WHEN digest = excluded.digest
        THEN coalesce(excluded.size, size) ELSE excluded.size END,
      digest = excluded.digest,
      complete_digest = excluded.complete_digest,
      checked_at = excluded.checked_at`,
  knownTags: `SELECT name FROM tag WHERE repository = ${REPOSITORY_ID} ORDER BY name`,
  forgetTag: `DELETE FROM tag WHERE repository = ${REPOSITORY_ID} AND name = @tag`,

  findContent: `
    SELECT kind, size, is_claim FROM content WHERE repository = ${REPOSITORY_ID} AND digest = @digest`,
  recordContent: `
    INSERT INTO content (repository, digest, kind, size, is_open)
    VALUES (@repository, @digest, @kind, @size, @isOpen)
    ON CONFLICT (repository, digest) DO UPDATE SET
      size = coalesce(size, excluded.size), kind = ${MANIFEST_WINS}, is_claim = 0,
      is_open = max(is_open, excluded.is_open)
    WHERE size IS NOT coalesce(size, excluded.size) OR kind <> ${MANIFEST_WINS} OR is_claim
      OR is_open < excluded.is_open`,
  isOpen: `SELECT 1 WHERE ${isOpen('@digest')}`,
  seenIn: `
    SELECT registry, name FROM content JOIN repository ON repository.id = content.repository
    WHERE digest = @digest AND NOT is_claim LIMIT ${SEEN_IN_MAX}`,

  // What hangs on a held manifest is named in every repository that contains the manifest. That is a
  // claim: anybody can push a manifest that names what is not theirs. So a manifest that is itself
  // only claimed tells nothing of what it names, unless anybody can read it somewhere.
  linkContent: linkWhere('content.digest = @digest AND content.repository = @repository'),
  linkContentEverywhere: linkWhere('content.digest = @digest'),

  findManifest: `SELECT media_type, bytes FROM manifest WHERE digest = @digest`,
  insertManifest: `
    INSERT INTO manifest (digest, media_type, bytes, subject, artifact_type, stored_at)
    VALUES (@digest, @mediaType, @bytes, @subject, @artifactType, @storedAt)
    ON CONFLICT (digest) DO NOTHING`,
  insertEdge: `
    INSERT INTO edge (parent, position, child, kind, media_type, size, platform)
    VALUES (@parent, @position, @child, @kind, @mediaType, @size, @platform)`,

  manifestsAfter: `
    SELECT manifest.digest, bytes, blob.digest IS NULL AS is_unkept
    FROM manifest LEFT JOIN blob ON blob.digest = manifest.digest
    WHERE manifest.digest > @after ORDER BY manifest.digest LIMIT @limit`,
  forgetManifest: `DELETE FROM manifest WHERE digest = @digest`,

  findState: `SELECT value FROM state WHERE name = @name`,
  setState: `
    INSERT INTO state (name, value) VALUES (@name, @value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
  clearState: `DELETE FROM state WHERE name = @name`,

  // CROSS JOIN: from the few that name the subject, not from all that the repository contains.
  knownReferrers: `
    SELECT manifest.digest, media_type, bytes FROM manifest
    CROSS JOIN content ON content.digest = manifest.digest
    WHERE subject = @subject AND content.repository = ${REPOSITORY_ID} AND NOT content.is_claim
    ORDER BY manifest.digest`,
  findReferrers: `
    SELECT descriptors, fetched_at FROM referrers
    WHERE repository = ${REPOSITORY_ID} AND subject = @subject`,
  recordReferrers: `
    INSERT INTO referrers (repository, subject, descriptors, fetched_at)
    VALUES (@repository, @subject, @descriptors, @fetchedAt)
    ON CONFLICT (repository, subject) DO UPDATE SET
      descriptors = excluded.descriptors, fetched_at = excluded.fetched_at`,
  findTagList: `SELECT tags, fetched_at FROM tag_list WHERE repository = ${REPOSITORY_ID}`,
  recordTagList: `
    INSERT INTO tag_list (repository, tags, fetched_at) VALUES (@repository, @tags, @fetchedAt)
    ON CONFLICT (repository) DO UPDATE SET tags = excluded.tags, fetched_at = excluded.fetched_at`,

  movedAway: `UPDATE manifest SET untagged_at = @at WHERE digest = @digest`,
  taggedAgain: `
    UPDATE manifest SET untagged_at = NULL WHERE digest = @digest AND untagged_at IS NOT NULL`,

  publishBlob: `
    INSERT INTO blob (digest, size, stored_at, stamp, checked_at)
    VALUES (@digest, @size, @storedAt, @stamp, @storedAt)
    ON CONFLICT (digest) DO UPDATE SET size = excluded.size, stored_at = excluded.stored_at,
      stamp = excluded.stamp, checked_at = excluded.checked_at`,
  checkedBlob: `
    UPDATE blob SET stamp = @stamp, checked_at = @checkedAt WHERE digest = @digest`,
  leastRecentlyChecked: `
    SELECT digest, size FROM (
      SELECT * FROM (SELECT digest, size, checked_at FROM blob WHERE checked_at IS NULL LIMIT @limit)
      UNION ALL
      SELECT * FROM (
        SELECT digest, size, checked_at FROM blob WHERE checked_at < @before
        ORDER BY checked_at LIMIT @limit)
    ) ORDER BY checked_at LIMIT @limit`,
  blobsAfter: `SELECT digest, size FROM blob WHERE digest > @after ORDER BY digest LIMIT @limit`,
  adoptBlob: `
    INSERT INTO blob (digest, size, stored_at, stamp, checked_at)
    VALUES (@digest, @size, @storedAt, @stamp, CASE WHEN @stamp IS NULL THEN NULL ELSE @storedAt END)
    ON CONFLICT DO NOTHING`,
  forgetBlob: `DELETE FROM blob WHERE digest = @digest`,
  useBlob: `UPDATE blob SET used_at = @usedAt WHERE digest = @digest`,
  useManifest: `UPDATE manifest SET used_at = @usedAt WHERE digest = @digest`,
  findBlob: `SELECT size, stamp FROM blob WHERE digest = @digest`,

  countPulls: `
    INSERT INTO pull_count
      (day, registry, hits, joins, misses, stale, served_bytes, fetched_bytes)
    VALUES (@day, @registry, @hits, @joins, @misses, @stale, @servedBytes, @fetchedBytes)
    ON CONFLICT (day, registry) DO UPDATE SET
      hits = hits + excluded.hits, joins = joins + excluded.joins,
      misses = misses + excluded.misses, stale = stale + excluded.stale,
      served_bytes = served_bytes + excluded.served_bytes,
      fetched_bytes = fetched_bytes + excluded.fetched_bytes`,

  // An image is whole when it is held and none of its blobs is missing. Attestations, which an
  // index lists under the platform unknown/unknown, are no platform anybody pulls.
  wholePlatforms: `
    WITH image (digest, platform) AS (
      SELECT @digest, '' WHERE NOT EXISTS
        (SELECT 1 FROM edge WHERE parent = @digest AND kind = 'manifest')
      UNION ALL
      SELECT child, coalesce(platform, '') FROM edge
      WHERE parent = @digest AND kind = 'manifest' AND platform IS NOT 'unknown/unknown'
    )
    SELECT DISTINCT image.platform FROM image JOIN manifest ON manifest.digest = image.digest
    WHERE NOT EXISTS (
      SELECT 1 FROM edge LEFT JOIN blob ON blob.digest = edge.child
      WHERE edge.parent = image.digest AND edge.kind = 'blob' AND blob.digest IS NULL
    )`,
} as const
