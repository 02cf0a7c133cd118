// The index in SQLite. Synchronous: it runs in a worker (index-worker.ts), never on the main thread.

import type { Database, Statement } from 'better-sqlite3'
import { StoreError } from '../errors.ts'
import { digestAlgorithm, digestOf } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import type { Descriptor } from '../oci/manifest.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import { findPendingCheck, noteClosed } from './check-state.ts'
import type {
  BlobRow,
  CheckedManifests,
  ContentRow,
  HeldManifest,
  ImageSlice,
  ImageVictim,
  LeftPin,
  ListPins,
  ManifestRecord,
  OrphanSlice,
  PendingCheck,
  PullCount,
  Removed,
  SalvagedRow,
  Sighting,
  SliceAsk,
  StoredDigest,
  StoredReferrers,
  StoredTagList,
  StoreUsage,
  TagRow,
  TagUse,
  UntaggedVictim,
  Visibility,
  WarmRunRow,
  WorkerIndex,
} from './index-port.ts'
import { Pins } from './pins.ts'
import { Removal } from './removal.ts'
import { Restoration } from './restore.ts'
import { statements } from './statements.ts'
import type { Synchronous } from './synchronous.ts'
import { TagUses } from './tag-uses.ts'
import { Usage } from './usage.ts'
import { WarmRuns } from './warm-runs.ts'

export class SqliteIndex implements Synchronous<WorkerIndex> {
  readonly #database: Database
  readonly #sql: Record<keyof typeof statements, Statement>
  readonly #usage: Usage
  readonly #removal: Removal
  readonly #restoration: Restoration
  readonly #warmRuns: WarmRuns
  readonly #pins: Pins
  readonly #tagUses: TagUses

  constructor(database: Database) {
    this.#database = database
    this.#sql = Object.fromEntries(
      Object.entries(statements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof statements, Statement>
    this.#usage = new Usage(database)
    this.#removal = new Removal(database)
    this.#warmRuns = new WarmRuns(database)
    this.#pins = new Pins(database, (repository) => this.#repositoryId(repository))
    this.#tagUses = new TagUses(database)
    this.#restoration = new Restoration(database, {
      insertManifest: (manifest) => this.#insertManifest(manifest),
      repositoryId: (repository) => this.#repositoryId(repository),
      pinsChanged: () => this.#pins.changed(),
    })
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
    } & Sighting,
  ): TagRow {
    return this.#database.transaction(() => {
      const before = this.findTag(repository, tag)
      const id = this.#seen(repository, to)
      const { digest, mediaType, sizeBytes, checkedAt, opens } = to
      const completeDigest = this.#completeDigest(before, digest)
      this.#sql.moveTag.run({
        repository: id,
        tag,
        digest,
        mediaType: mediaType ?? null,
        size: sizeBytes ?? null,
        completeDigest: completeDigest ?? null,
        checkedAt,
      })
      if (before && before.digest !== digest) {
        this.#sql.movedAway.run({ digest: before.digest, at: checkedAt })
      }
      this.#sql.taggedAgain.run({ digest })
      this.#recordContent(id, digest, { kind: 'manifest', sizeBytes, opens })
      return { digest, mediaType, sizeBytes, checkedAt, completeDigest }
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

  knownTags(repository: Repository): readonly Tag[] {
    const rows = this.#sql.knownTags.all(repository) as { name: Tag }[]
    return rows.map(({ name }) => name)
  }

  forgetTag(repository: Repository, tag: Tag): void {
    this.#database.transaction(() => {
      const before = this.findTag(repository, tag)
      this.#sql.forgetTag.run({ ...repository, tag })
      if (before) this.#sql.movedAway.run({ digest: before.digest, at: Date.now() })
    })()
  }

  findContent(repository: Repository, digest: Digest): ContentRow | undefined {
    const row = this.#sql.findContent.get({ ...repository, digest }) as
      { kind: 'manifest' | 'blob'; size: number | null; is_claim: number } | undefined
    return (
      row && {
        kind: row.kind,
        sizeBytes: row.size ?? undefined,
        isClaim: row.is_claim === 1,
      }
    )
  }

  recordContent(
    repository: Repository,
    digest: Digest,
    row: Omit<ContentRow, 'isClaim'> & Sighting,
  ): void {
    this.#database.transaction(() => {
      this.#recordContent(this.#seen(repository, row), digest, row)
    })()
  }

  isOpen(digest: Digest): boolean {
    return this.#sql.isOpen.get({ digest }) !== undefined
  }

  seenIn(digest: Digest): readonly Repository[] {
    return this.#sql.seenIn.all({ digest }) as Repository[]
  }

  findVisibility(repository: Repository): Visibility | undefined {
    const row = this.#sql.findVisibility.get(repository) as
      { is_public: number; public_checked_at: number } | undefined
    return row && { isPublic: row.is_public === 1, checkedAt: row.public_checked_at }
  }

  recordVisibility(repository: Repository, { isPublic, checkedAt }: Visibility): void {
    this.#database.transaction(() => {
      const id = this.#repositoryId(repository)
      this.#sql.recordVisibility.run({ repository: id, isPublic: isPublic ? 1 : 0, checkedAt })
    })()
  }

  heldRepositories(
    registry: string,
    after: string,
    limit: number,
  ): readonly (Repository & { isPublic: boolean | undefined })[] {
    const rows = this.#sql.heldRepositories.all({ registry, after, limit }) as (Repository & {
      is_public: number | null
    })[]
    return rows.map(({ registry, name, is_public: isPublic }) => ({
      registry,
      name,
      isPublic: isPublic === null ? undefined : isPublic === 1,
    }))
  }

  findManifest(digest: Digest): HeldManifest | undefined {
    const row = this.#sql.findManifest.get({ digest }) as
      { media_type: string; bytes: Uint8Array } | undefined
    if (row && !isIntact(digest, row.bytes)) {
      // SQLite does not notice what happens to a page of plain bytes.
      this.#sql.forgetManifest.run({ digest })
      throw new StoreError('corrupt-index', `the manifest ${digest} is damaged in the index`)
    }
    return row && { digest, mediaType: row.media_type, bytes: row.bytes }
  }

  recordManifest(repository: Repository, manifest: ManifestRecord & Sighting): void {
    this.#database.transaction(() => {
      const { digest, bytes, opens } = manifest
      const isNew = this.#insertManifest(manifest)
      const id = this.#seen(repository, manifest)
      this.#recordContent(id, digest, { kind: 'manifest', sizeBytes: bytes.byteLength, opens })
      if (isNew) this.#sql.linkContentEverywhere.run({ digest })
    })()
  }

  restoreManifest(manifest: ManifestRecord): void {
    this.#restoration.restoreManifest(manifest)
  }

  /** False where it was held already. */
  #insertManifest(manifest: ManifestRecord): boolean {
    const { digest, mediaType, bytes, subject, artifactType, children, blobs } = manifest
    const { changes } = this.#sql.insertManifest.run({
      digest,
      mediaType,
      bytes,
      subject: subject ?? null,
      artifactType: artifactType ?? null,
      storedAt: Date.now(),
    })
    if (changes > 0) this.#insertEdges(digest, children, blobs)
    return changes > 0
  }

  checkManifests(after: string, limit: number): CheckedManifests {
    const rows = this.#sql.manifestsAfter.all({ after, limit }) as {
      digest: Digest
      bytes: Uint8Array
      is_unkept: number
    }[]
    const bad = rows.filter(({ digest, bytes }) => !isIntact(digest, bytes))
    for (const { digest } of bad) this.#sql.forgetManifest.run({ digest })
    const unkept = rows.filter((row) => row.is_unkept === 1 && !bad.includes(row))
    const digests = (of: typeof rows): Digest[] => of.map(({ digest }) => digest)
    return { last: rows.at(-1)?.digest, bad: digests(bad), unkept: digests(unkept) }
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

  findTagList(repository: Repository): StoredTagList | undefined {
    const row = this.#sql.findTagList.get(repository) as
      { tags: string; fetched_at: number } | undefined
    return row && { tags: JSON.parse(row.tags) as string[], fetchedAt: row.fetched_at }
  }

  recordTagList(repository: Repository, list: StoredTagList & Sighting): void {
    this.#database.transaction(() => {
      this.#sql.recordTagList.run({
        repository: this.#seen(repository, list),
        tags: JSON.stringify(list.tags),
        fetchedAt: list.fetchedAt,
      })
    })()
  }

  knownReferrers(repository: Repository, subject: Digest): readonly HeldManifest[] {
    const rows = this.#sql.knownReferrers.all({ ...repository, subject }) as {
      digest: Digest
      media_type: string
      bytes: Uint8Array
    }[]
    return rows
      .filter(({ digest, bytes }) => isIntact(digest, bytes))
      .map((row) => ({ digest: row.digest, mediaType: row.media_type, bytes: row.bytes }))
  }

  findReferrers(repository: Repository, subject: Digest): StoredReferrers | undefined {
    const row = this.#sql.findReferrers.get({ ...repository, subject }) as
      { descriptors: string; fetched_at: number } | undefined
    return row && { descriptors: row.descriptors, fetchedAt: row.fetched_at }
  }

  recordReferrers(
    repository: Repository,
    subject: Digest,
    referrers: StoredReferrers & Sighting,
  ): void {
    this.#database.transaction(() => {
      this.#sql.recordReferrers.run({
        repository: this.#seen(repository, referrers),
        subject,
        descriptors: referrers.descriptors,
        fetchedAt: referrers.fetchedAt,
      })
    })()
  }

  publishBlob(digest: Digest, blob: BlobRow & { storedAt: number }): void {
    const { sizeBytes, stamp, storedAt } = blob
    this.#sql.publishBlob.run({ digest, size: sizeBytes, stamp: stamp ?? null, storedAt })
  }

  checkedBlob(digest: Digest, stamp: string, checkedAt: number): void {
    this.#sql.checkedBlob.run({ digest, stamp, checkedAt })
  }

  blobsAfter(after: string, limit: number): readonly StoredDigest[] {
    const rows = this.#sql.blobsAfter.all({ after, limit }) as { digest: Digest; size: number }[]
    return rows.map(({ digest, size }) => ({ digest, sizeBytes: size }))
  }

  adoptBlob(digest: Digest, blob: BlobRow & { storedAt: number }): void {
    const { sizeBytes, stamp, storedAt } = blob
    this.#sql.adoptBlob.run({ digest, size: sizeBytes, stamp: stamp ?? null, storedAt })
  }

  leastRecentlyChecked(before: number, limit: number): readonly StoredDigest[] {
    const rows = this.#sql.leastRecentlyChecked.all({ before, limit }) as {
      digest: Digest
      size: number
    }[]
    return rows.map(({ digest, size }) => ({ digest, sizeBytes: size }))
  }

  countPulls(counts: readonly PullCount[]): void {
    this.#database.transaction(() => {
      for (const count of counts) this.#sql.countPulls.run(count)
    })()
  }

  pin(repository: Repository, reference: Reference, by: string, pinnedAt: number): void {
    this.#pins.pin(repository, reference, by, pinnedAt)
  }

  unpin(repository: Repository, reference: Reference, by: string): void {
    this.#pins.unpin(repository, reference, by)
  }

  unpinAll(by: string): void {
    this.#pins.unpinAll(by)
  }

  keepPins(by: string, pins: ListPins): void {
    this.#pins.keep(by, pins)
  }

  endPins(now: number): void {
    this.#pins.end(now)
  }

  endLeft(pins: readonly LeftPin[]): void {
    this.#pins.endLeft(pins)
  }

  pinsVersion(): number {
    return this.#pins.version
  }

  beginWarmRun(run: WarmRunRow): void {
    this.#warmRuns.begin(run)
  }

  forgetBegunWarmRun(lists: readonly string[]): void {
    this.#warmRuns.forgetBegun(lists)
  }

  closeWarmRuns(): void {
    this.#warmRuns.closeAll()
  }

  recordWarmRun(run: WarmRunRow): void {
    this.#warmRuns.record(run)
  }

  lastWarmRuns(count: number): readonly WarmRunRow[] {
    return this.#warmRuns.latest(count)
  }

  lastWarmRunsOf(lists: readonly string[], count: number): readonly WarmRunRow[] {
    return this.#warmRuns.latestOf(lists, count)
  }

  lastWarmRunOfEach(): readonly WarmRunRow[] {
    return this.#warmRuns.lastOfEach()
  }

  forgetBlob(digest: Digest): void {
    this.#sql.forgetBlob.run({ digest })
  }

  findBlob(digest: Digest): BlobRow | undefined {
    const row = this.#sql.findBlob.get({ digest }) as
      { size: number; stamp: string | null } | undefined
    return row && { sizeBytes: row.size, stamp: row.stamp ?? undefined }
  }

  wholePlatforms(digest: Digest): readonly string[] {
    const rows = this.#sql.wholePlatforms.all({ digest }) as { platform: string }[]
    return rows.map((row) => row.platform)
  }

  usage(): StoreUsage {
    return this.#usage.read()
  }

  evictImage(ask: ImageVictim): ImageSlice {
    return this.#removal.evictImage(ask)
  }

  evictUntagged(ask: UntaggedVictim): (Removed & { untaggedAt: number }) | undefined {
    return this.#removal.evictUntagged(ask)
  }

  evictOrphans(ask: SliceAsk): OrphanSlice {
    return this.#removal.evictOrphans(ask)
  }

  remove(
    repository: Repository,
    reference: Reference,
    inUse: readonly Digest[],
  ): Removed | undefined {
    this.#pins.changed()
    return this.#removal.remove(repository, reference, inUse)
  }

  recordUses(uses: readonly (readonly [Digest, number])[], tags: readonly TagUse[] = []): void {
    this.#database.transaction(() => {
      for (const [digest, usedAt] of uses) {
        // A manifest is kept as a file too.
        this.#sql.useBlob.run({ digest, usedAt })
        this.#sql.useManifest.run({ digest, usedAt })
      }
      this.#tagUses.record(tags)
    })()
  }

  usedTags(repository: Repository, since: number, limit: number): readonly Tag[] {
    return this.#tagUses.tags(repository, since, limit)
  }

  usedRepositories(
    registry: string,
    startsWith: string,
    since: number,
    limit: number,
  ): readonly Repository[] {
    return this.#tagUses.repositories(registry, startsWith, since, limit)
  }

  pendingCheck(): PendingCheck | undefined {
    return findPendingCheck(this.#database)
  }

  checkDone(): void {
    this.#sql.clearState.run({ name: 'check' })
  }

  restore(rows: readonly SalvagedRow[]): void {
    this.#restoration.restore(rows)
  }

  close(): void {
    try {
      noteClosed(this.#database)
    } finally {
      this.#database.close()
    }
  }

  #seen(repository: Repository, { opens }: Sighting): number {
    const id = this.#repositoryId(repository)
    if (opens === 'repository') this.#sql.seenByAnyone.run({ repository: id, seenAt: Date.now() })
    else if (opens === 'repository-until-checked')
      this.#sql.seenUntilChecked.run({ repository: id })
    else if (opens === 'login-only') this.#sql.seenByLogin.run({ repository: id })
    return id
  }

  #repositoryId(repository: Repository): number {
    const { registry, name } = repository
    this.#sql.insertRepository.run({ registry, name })
    return (this.#sql.findRepository.get({ registry, name }) as { id: number }).id
  }

  #recordContent(
    repository: number,
    digest: Digest,
    row: Omit<ContentRow, 'isClaim'> & Sighting,
  ): void {
    const { changes } = this.#sql.recordContent.run({
      repository,
      digest,
      kind: row.kind,
      size: row.sizeBytes ?? null,
      isOpen: row.opens === 'nothing' || row.opens === 'login-only' ? 0 : 1,
    })
    if (changes > 0 && row.kind === 'manifest') this.#sql.linkContent.run({ digest, repository })
  }
}

function isIntact(digest: Digest, bytes: Uint8Array): boolean {
  return digestOf(bytes, digestAlgorithm(digest)) === digest
}
