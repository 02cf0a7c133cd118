// Where everything lives in the data folder. The only file that makes paths.
//
//   regmirror.lock               held by the one process that owns the folder
//   regmirror.owner              who that is, made by owner/owner-note.ts
//   regmirror.sock               where commands reach it, made by owner/listen-privately.ts
//   index.db                     SQLite, WAL: tags, manifests, what each repository contains
//   index.damaged                says that index.db is to be rebuilt at the next start, and why
//   index.reserve                bytes that are given up where a full disk keeps the index from removing
//   index-v2.backup.db           the index as it was before a newer regmirror changed its schema
//   blobs/sha256/ab/<hex>        published content: hashed, synced, renamed here; the name is the truth
//   staging/sha256-<hex>         a download under way or kept for resuming
//   staging/sha256-<hex>.json    which of its bytes are there
//   staging/sha256-<hex>.new      a manifest on its way to blobs/
//   quarantine/sha256-<hex>      what failed a later check, for a person to look at
//   quarantine/index-<when>.db   an index that was damaged, as far as a new one could not take it over
//   warm-failed.txt              a list of what `warm` could not fetch, made by warm-failed.ts
//   credentials.json             logins, made by credentials/stored-logins.ts
//   tls/                         the box's own authority and certificate, made by tls/own-authority.ts
//   native/                      the SQLite addon of a packaged binary

import { join } from 'node:path'
import { digestAlgorithm, digestHex } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'

export interface Layout {
  readonly folder: string
  readonly lock: string
  readonly ownerNote: string
  readonly index: string
  readonly indexDamaged: string
  readonly indexReserve: string
  readonly staging: string
  readonly blobs: string
  readonly quarantine: string
  readonly warmFailed: string
}

export function layoutOf(folder: string): Layout {
  return {
    folder,
    lock: join(folder, 'regmirror.lock'),
    ownerNote: join(folder, 'regmirror.owner'),
    index: join(folder, 'index.db'),
    indexDamaged: join(folder, 'index.damaged'),
    indexReserve: join(folder, 'index.reserve'),
    staging: join(folder, 'staging'),
    blobs: join(folder, 'blobs'),
    quarantine: join(folder, 'quarantine'),
    warmFailed: join(folder, 'warm-failed.txt'),
  }
}

export function blobPath(layout: Layout, digest: Digest): string {
  const hex = digestHex(digest)
  return join(layout.blobs, digestAlgorithm(digest), hex.slice(0, 2), hex)
}

export function stagingPath(layout: Layout, digest: Digest): string {
  return join(layout.staging, `${digestAlgorithm(digest)}-${digestHex(digest)}`)
}

export function extentsPath(layout: Layout, digest: Digest): string {
  return `${stagingPath(layout, digest)}.json`
}

export function quarantinePath(layout: Layout, digest: Digest): string {
  return join(layout.quarantine, `${digestAlgorithm(digest)}-${digestHex(digest)}`)
}

/** A whole copy of the index of an earlier version. */
export function indexBackupPath(layout: Layout, version: number): string {
  return join(layout.folder, `index-v${version}.backup.db`)
}

export const INCOMING = '.new'

/** Where verified content is written before it is moved to its place at once. */
export function incomingPath(layout: Layout, digest: Digest): string {
  return `${stagingPath(layout, digest)}${INCOMING}`
}
