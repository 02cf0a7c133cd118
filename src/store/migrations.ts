// The index's schema as numbered steps. A step that has shipped is never edited, only followed.

import type { Database } from 'better-sqlite3'
import { StoreError } from '../errors.ts'

/** Step n brings a database of version n - 1 to version n; the version is SQLite's `user_version`. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE repository (
    id       INTEGER PRIMARY KEY,
    registry TEXT NOT NULL,
    name     TEXT NOT NULL,
    UNIQUE (registry, name)
  ) STRICT;

  CREATE TABLE manifest (
    digest        TEXT PRIMARY KEY,
    media_type    TEXT NOT NULL,
    bytes         BLOB NOT NULL,
    subject       TEXT,
    artifact_type TEXT,
    stored_at     INTEGER NOT NULL,
    used_at       INTEGER
  ) STRICT;
  CREATE INDEX manifest_subject ON manifest (subject) WHERE subject IS NOT NULL;

  CREATE TABLE edge (
    parent     TEXT NOT NULL REFERENCES manifest (digest) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    child      TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('manifest', 'blob')),
    media_type TEXT NOT NULL,
    size       INTEGER NOT NULL,
    platform   TEXT,
    PRIMARY KEY (parent, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX edge_child ON edge (child);

  CREATE TABLE content (
    repository INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    digest     TEXT NOT NULL,
    kind       TEXT NOT NULL CHECK (kind IN ('manifest', 'blob')),
    size       INTEGER,
    PRIMARY KEY (repository, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX content_digest ON content (digest);

  CREATE TABLE tag (
    repository      INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    digest          TEXT NOT NULL,
    media_type      TEXT,
    size            INTEGER,
    complete_digest TEXT,
    checked_at      INTEGER NOT NULL,
    changed_at      INTEGER NOT NULL,
    PRIMARY KEY (repository, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX tag_digest ON tag (digest);

  CREATE TABLE blob (
    digest    TEXT PRIMARY KEY,
    size      INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    used_at   INTEGER
  ) STRICT;
  `,
  // Logins: until then whatever was held had been given to the anonymous, so it is open to all. What
  // was only named by a descriptor is a claim, which upstream has still to confirm.
  `
  ALTER TABLE repository ADD COLUMN is_public INTEGER CHECK (is_public IN (0, 1));
  ALTER TABLE repository ADD COLUMN public_checked_at INTEGER;
  UPDATE repository SET is_public = 1, public_checked_at = 0;

  ALTER TABLE content ADD COLUMN is_claim INTEGER NOT NULL DEFAULT 0 CHECK (is_claim IN (0, 1));
  UPDATE content SET is_claim = 1
  WHERE digest NOT IN (SELECT digest FROM blob) AND digest NOT IN (SELECT digest FROM manifest);

  ALTER TABLE content ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0 CHECK (is_open IN (0, 1));
  UPDATE content SET is_open = 1 WHERE NOT is_claim;

  CREATE TABLE tag_list (
    repository INTEGER PRIMARY KEY REFERENCES repository (id) ON DELETE CASCADE,
    tags       TEXT NOT NULL,
    fetched_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE referrers (
    repository  INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    subject     TEXT NOT NULL,
    descriptors TEXT NOT NULL,
    fetched_at  INTEGER NOT NULL,
    PRIMARY KEY (repository, subject)
  ) STRICT, WITHOUT ROWID;
  `,
  // Room: what was used when, what must stay, what was hashed when.
  `
  ALTER TABLE manifest ADD COLUMN untagged_at INTEGER;
  CREATE INDEX manifest_used ON manifest (coalesce(used_at, stored_at));
  CREATE INDEX manifest_untagged ON manifest (untagged_at) WHERE untagged_at IS NOT NULL;
  CREATE INDEX tag_complete ON tag (complete_digest) WHERE complete_digest IS NOT NULL;

  ALTER TABLE blob ADD COLUMN stamp TEXT;
  ALTER TABLE blob ADD COLUMN checked_at INTEGER;
  UPDATE blob SET checked_at = stored_at;
  CREATE INDEX blob_checked ON blob (checked_at);
  CREATE INDEX blob_size ON blob (size);
  CREATE INDEX blob_used ON blob (coalesce(used_at, stored_at));

  CREATE TABLE pin (
    repository INTEGER NOT NULL REFERENCES repository (id) ON DELETE CASCADE,
    reference  TEXT NOT NULL,
    pinned_by  TEXT NOT NULL,
    pinned_at  INTEGER NOT NULL,
    PRIMARY KEY (repository, reference, pinned_by)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX pin_reference ON pin (reference);

  CREATE TABLE pull_count (
    day           TEXT NOT NULL,
    registry      TEXT NOT NULL,
    hits          INTEGER NOT NULL,
    joins         INTEGER NOT NULL,
    misses        INTEGER NOT NULL,
    stale         INTEGER NOT NULL,
    served_bytes  INTEGER NOT NULL,
    fetched_bytes INTEGER NOT NULL,
    PRIMARY KEY (day, registry)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE state (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // What runs of `regmirror warm` came to. Only the latest few keep each image's result.
  `
  CREATE TABLE warm_run (
    id         INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    report     TEXT NOT NULL,
    results    TEXT
  ) STRICT;
  `,
  // Lists that are kept for years: which tags clients ask for, how long what left a list stays pinned, and
  // which lists a run was of, and whether it has ended.
  `
  ALTER TABLE tag ADD COLUMN used_at INTEGER;
  UPDATE tag SET used_at = (SELECT used_at FROM manifest WHERE manifest.digest = tag.digest);
  CREATE INDEX tag_used ON tag (repository, used_at) WHERE used_at IS NOT NULL;

  ALTER TABLE pin ADD COLUMN keep_ms INTEGER;
  ALTER TABLE pin ADD COLUMN left_at INTEGER;
  CREATE INDEX pin_ending ON pin (left_at + keep_ms) WHERE left_at IS NOT NULL;

  ALTER TABLE warm_run ADD COLUMN lists TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE warm_run ADD COLUMN is_open INTEGER NOT NULL DEFAULT 0;
  UPDATE warm_run SET lists = coalesce(json_extract(report, '$.sources'), '[]') WHERE json_valid(report);
  `,
  // What all blobs take on disk, in whole blocks: kept by whatever changes their rows. Summing a million
  // of them up took 60 to 120 ms of each start.
  `
  CREATE TABLE blob_total (blobs INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
  INSERT INTO blob_total SELECT count(*), coalesce(sum((size + 4095) / 4096 * 4096), 0) FROM blob;

  CREATE TRIGGER blob_in AFTER INSERT ON blob BEGIN
    UPDATE blob_total SET blobs = blobs + 1, bytes = bytes + (NEW.size + 4095) / 4096 * 4096;
  END;
  CREATE TRIGGER blob_out AFTER DELETE ON blob BEGIN
    UPDATE blob_total SET blobs = blobs - 1, bytes = bytes - (OLD.size + 4095) / 4096 * 4096;
  END;
  CREATE TRIGGER blob_resized AFTER UPDATE OF size ON blob BEGIN
    UPDATE blob_total SET bytes = bytes
      - (OLD.size + 4095) / 4096 * 4096 + (NEW.size + 4095) / 4096 * 4096;
  END;
  `,
]

function notThisSchema(version: number): Error {
  return Object.assign(new Error(`index version ${version}`), { code: 'SQLITE_CORRUPT' })
}

/** Whether it holds what every version has. Throws SQLite's error where that cannot be read. */
function isIndex(database: Database): boolean {
  const name = `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'repository'`
  return database.prepare(name).get() !== undefined
}

/**
 * Brings the database to the newest version, with whatever `atLast` writes: all of it or nothing.
 * Throws StoreError('newer') for one of a later binary.
 */
export function migrate(database: Database, file: string, atLast = (): void => undefined): void {
  const version = database.pragma('user_version', { simple: true }) as number
  if (version < 0) throw notThisSchema(version)
  if (version > MIGRATIONS.length) {
    if (!isIndex(database)) throw notThisSchema(version)
    throw new StoreError(
      'newer',
      `${file} was written by a newer regmirror (index version ${version}, this one knows up to ` +
        `${MIGRATIONS.length}): run the newer regmirror, or choose another folder with --data`,
    )
  }
  database.transaction(() => {
    for (const step of MIGRATIONS.slice(version)) database.exec(step)
    database.pragma(`user_version = ${MIGRATIONS.length}`)
    atLast()
  })()
}
