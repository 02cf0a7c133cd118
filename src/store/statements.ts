// Every SQL statement of the index, by the name it is used under.

const REPOSITORY_ID = `(SELECT id FROM repository WHERE registry = @registry AND name = @name)`

// Some registries give a manifest out as a blob too: what it was asked for once does not make it one.
const MANIFEST_WINS = `CASE WHEN excluded.kind = 'manifest' THEN 'manifest' ELSE kind END`

export const statements = {
  insertRepository: `
    INSERT INTO repository (registry, name) VALUES (@registry, @name) ON CONFLICT DO NOTHING`,
  findRepository: `SELECT id FROM repository WHERE registry = @registry AND name = @name`,

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
  forgetTag: `DELETE FROM tag WHERE repository = ${REPOSITORY_ID} AND name = @tag`,

  findContent: `
    SELECT kind, size FROM content WHERE repository = ${REPOSITORY_ID} AND digest = @digest`,
  recordContent: `
    INSERT INTO content (repository, digest, kind, size)
    VALUES (@repository, @digest, @kind, @size)
    ON CONFLICT (repository, digest) DO UPDATE SET
      size = coalesce(excluded.size, size), kind = ${MANIFEST_WINS}
    WHERE size IS NOT coalesce(excluded.size, size) OR kind <> ${MANIFEST_WINS}`,

  // What hangs on a held manifest is contained in every repository that contains the manifest.
  linkContent: `
    WITH RECURSIVE tree (digest, kind, size) AS (
      SELECT child, kind, size FROM edge WHERE parent = @digest
      UNION
      SELECT edge.child, edge.kind, edge.size FROM tree JOIN edge ON edge.parent = tree.digest
    )
    INSERT INTO content (repository, digest, kind, size)
    SELECT content.repository, tree.digest, tree.kind, tree.size FROM content CROSS JOIN tree
    WHERE content.digest = @digest AND content.repository = coalesce(@repository, repository)
    ON CONFLICT (repository, digest) DO UPDATE SET
      size = coalesce(size, excluded.size), kind = ${MANIFEST_WINS}
    WHERE size IS NULL OR kind <> ${MANIFEST_WINS}`,

  findManifest: `SELECT media_type, bytes FROM manifest WHERE digest = @digest`,
  insertManifest: `
    INSERT INTO manifest (digest, media_type, bytes, subject, artifact_type, stored_at)
    VALUES (@digest, @mediaType, @bytes, @subject, @artifactType, @storedAt)
    ON CONFLICT (digest) DO NOTHING`,
  insertEdge: `
    INSERT INTO edge (parent, position, child, kind, media_type, size, platform)
    VALUES (@parent, @position, @child, @kind, @mediaType, @size, @platform)`,

  publishBlob: `
    INSERT INTO blob (digest, size, stored_at) VALUES (@digest, @size, @storedAt)
    ON CONFLICT (digest) DO UPDATE SET size = excluded.size, stored_at = excluded.stored_at`,
  forgetBlob: `DELETE FROM blob WHERE digest = @digest`,
  useBlob: `UPDATE blob SET used_at = @usedAt WHERE digest = @digest`,
  useManifest: `UPDATE manifest SET used_at = @usedAt WHERE digest = @digest`,
  findBlob: `SELECT size FROM blob WHERE digest = @digest`,

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
