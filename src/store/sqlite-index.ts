// The index in SQLite. Synchronous: it runs in a worker (index-worker.ts), never on the main thread.

import type { Database, Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Repository, Tag } from '../oci/name.ts'
import type { ContentRow, HeldManifest, Index, ManifestRecord, TagRow } from './index-port.ts'
import { statements } from './statements.ts'

/** The same methods as the port, answering at once. */
type Synchronous<Port> = {
  [Name in keyof Port]: Port[Name] extends (...values: infer Values) => Promise<infer Answer>
    ? (...values: Values) => Answer
    : never
}

export class SqliteIndex implements Synchronous<Index> {
  readonly #database: Database
  readonly #sql: Record<keyof typeof statements, Statement>

  constructor(database: Database) {
    this.#database = database
    this.#sql = Object.fromEntries(
      Object.entries(statements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof statements, Statement>
  }

  findTag(repository: Repository, tag: Tag): TagRow | undefined {
    const row = this.#sql.findTag.get({ ...repository, tag }) as
      | {
          digest: Digest
          media_type: string | null
          size: number | null
          checked_at: number
          complete_digest: Digest | null
        }
      | undefined
    return (
      row && {
        digest: row.digest,
        mediaType: row.media_type ?? undefined,
        sizeBytes: row.size ?? undefined,
        checkedAt: row.checked_at,
        completeDigest: row.complete_digest ?? undefined,
      }
    )
  }

  moveTag(
    repository: Repository,
    tag: Tag,
    to: {
      digest: Digest
      mediaType: string | undefined
      sizeBytes: number | undefined
      checkedAt: number
    },
  ): void {
    this.#database.transaction(() => {
      const before = this.findTag(repository, tag)
      const id = this.#repositoryId(repository)
      this.#sql.moveTag.run({
        repository: id,
        tag,
        digest: to.digest,
        mediaType: to.mediaType ?? null,
        size: to.sizeBytes ?? null,
        completeDigest: this.#completeDigest(before, to.digest) ?? null,
        checkedAt: to.checkedAt,
      })
      this.#recordContent(id, to.digest, { kind: 'manifest', sizeBytes: to.sizeBytes })
    })()
  }

  /** What stays to fall back on when a tag moves: the old digest if it was whole, else what was there. */
  #completeDigest(before: TagRow | undefined, next: Digest): Digest | undefined {
    if (!before) return undefined
    if (before.digest === next) return before.completeDigest
    if (before.completeDigest === next) return undefined
    // Not whole yet may be whole soon: whether it is, is looked at again when it is needed.
    return this.wholePlatforms(before.digest).length > 0
      ? before.digest
      : (before.completeDigest ?? before.digest)
  }

  forgetTag(repository: Repository, tag: Tag): void {
    this.#sql.forgetTag.run({ ...repository, tag })
  }

  findContent(repository: Repository, digest: Digest): ContentRow | undefined {
    const row = this.#sql.findContent.get({ ...repository, digest }) as
      { kind: 'manifest' | 'blob'; size: number | null } | undefined
    return row && { kind: row.kind, sizeBytes: row.size ?? undefined }
  }

  recordContent(repository: Repository, digest: Digest, row: ContentRow): void {
    this.#database.transaction(() => {
      this.#recordContent(this.#repositoryId(repository), digest, row)
    })()
  }

  findManifest(digest: Digest): HeldManifest | undefined {
    const row = this.#sql.findManifest.get({ digest }) as
      { media_type: string; bytes: Uint8Array } | undefined
    return row && { digest, mediaType: row.media_type, bytes: row.bytes }
  }

  recordManifest(repository: Repository, manifest: ManifestRecord): void {
    this.#database.transaction(() => {
      const { digest, mediaType, bytes, subject, artifactType, children, blobs } = manifest
      const inserted = this.#sql.insertManifest.run({
        digest,
        mediaType,
        bytes,
        subject: subject ?? null,
        artifactType: artifactType ?? null,
        storedAt: Date.now(),
      })
      if (inserted.changes > 0) {
        this.#insertEdges(digest, children, blobs)
        this.#sql.linkContent.run({ digest, repository: null })
      }
      const id = this.#repositoryId(repository)
      this.#recordContent(id, digest, { kind: 'manifest', sizeBytes: bytes.byteLength })
    })()
  }

  #insertEdges(
    parent: Digest,
    children: readonly Descriptor[],
    blobs: readonly Descriptor[],
  ): void {
    const edges = [
      ...children.map((descriptor) => ({ ...descriptor, kind: 'manifest' })),
      ...blobs.map((descriptor) => ({ ...descriptor, kind: 'blob' })),
    ]
    edges.forEach(({ digest, sizeBytes, mediaType, platform, kind }, position) => {
      this.#sql.insertEdge.run({
        parent,
        position,
        child: digest,
        kind,
        mediaType,
        size: sizeBytes,
        platform: platform ?? null,
      })
    })
  }

  publishBlob(digest: Digest, sizeBytes: number, storedAt: number): void {
    this.#sql.publishBlob.run({ digest, size: sizeBytes, storedAt })
  }

  forgetBlob(digest: Digest): void {
    this.#sql.forgetBlob.run({ digest })
  }

  findBlob(digest: Digest): { sizeBytes: number } | undefined {
    const row = this.#sql.findBlob.get({ digest }) as { size: number } | undefined
    return row && { sizeBytes: row.size }
  }

  wholePlatforms(digest: Digest): readonly string[] {
    const rows = this.#sql.wholePlatforms.all({ digest }) as { platform: string }[]
    return rows.map((row) => row.platform)
  }

  recordUses(uses: readonly (readonly [Digest, number])[]): void {
    this.#database.transaction(() => {
      for (const [digest, usedAt] of uses) {
        const isBlob = this.#sql.useBlob.run({ digest, usedAt }).changes > 0
        if (!isBlob) this.#sql.useManifest.run({ digest, usedAt })
      }
    })()
  }

  close(): void {
    this.#database.close()
  }

  #repositoryId(repository: Repository): number {
    this.#sql.insertRepository.run(repository)
    return (this.#sql.findRepository.get(repository) as { id: number }).id
  }

  #recordContent(repository: number, digest: Digest, row: ContentRow): void {
    const { changes } = this.#sql.recordContent.run({
      repository,
      digest,
      kind: row.kind,
      size: row.sizeBytes ?? null,
    })
    if (changes > 0 && row.kind === 'manifest') this.#sql.linkContent.run({ digest, repository })
  }
}
