// Removing images from the index, with all that nothing else uses. Runs in the index worker: one image
// is one transaction, and what it returns is to be removed on disk after that. A row never promises
// what is not there; a file that a crash leaves without a row is found again by its name.

import type { Database, Statement } from 'better-sqlite3'
import type { Digest } from '../oci/digest.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import { Fallbacks } from './fallbacks.ts'
import { ImageVictims } from './image-victims.ts'
import type {
  ImageSlice,
  ImageVictim,
  OrphanSlice,
  Removed,
  SliceAsk,
  StoredDigest,
  UntaggedVictim,
} from './index-port.ts'
import { removalStatements } from './removal-statements.ts'

/** An index and what it lists are used within this in one pull. */
const SAME_PULL_MS = 10 * 60_000

interface Untagged {
  readonly digest: Digest
  readonly untaggedAt: number
}

interface NamedTag extends Repository {
  readonly repository: number
  readonly tag: Tag
}

/** What has been removed so far in one transaction. */
interface Gathered {
  readonly manifests: Digest[]
  readonly blobs: StoredDigest[]
  readonly tags: (Repository & { readonly tag: Tag })[]
  readonly contents: (Repository & { readonly digest: Digest })[]
  readonly repositories: Repository[]
}

export class Removal {
  readonly #database: Database
  readonly #sql: Record<keyof typeof removalStatements, Statement>
  readonly #fallbacks: Fallbacks
  readonly #victims: ImageVictims

  constructor(database: Database) {
    this.#database = database
    this.#fallbacks = new Fallbacks(database)
    this.#victims = new ImageVictims(database)
    this.#sql = Object.fromEntries(
      Object.entries(removalStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof removalStatements, Statement>
  }

  /** The image that was not used for longest, if one of the next may go. */
  evictImage(ask: ImageVictim): ImageSlice {
    return this.#database.transaction(() => {
      const { victim, next } = this.#victims.find(ask)
      return { removed: victim && this.#remove([victim], ask.inUse), next }
    })()
  }

  evictUntagged(ask: UntaggedVictim): (Removed & { readonly untaggedAt: number }) | undefined {
    return this.#database.transaction(() => {
      const victim = this.#untagged(ask)
      if (!victim) return undefined
      const { digest, untaggedAt } = victim
      return { ...this.#remove([{ digest, lastUse: ask.before }], ask.inUse), untaggedAt }
    })()
  }

  #untagged({ after, before }: UntaggedVictim): Untagged | undefined {
    const rows = this.#sql.untagged.iterate({ after, before }) as IterableIterator<Untagged>
    for (const row of rows) if (!this.#fallbacks.isNeeded(row.digest)) return row
    return undefined
  }

  /** Content in the next rows that no held manifest names, until enough of it has gone. */
  evictOrphans(ask: SliceAsk): OrphanSlice {
    return this.#database.transaction(() => {
      const { after, scan, before, inUse, enoughBytes } = ask
      const found = this.#sql.orphansAmong.all({ after, scan, before }) as { digest: Digest }[]
      const { last } = this.#sql.sliceEnd.get({ after, scan }) as { last: number | null }
      const gathered = nothingYet()
      let freed = 0
      const orphans = found.map(({ digest }) => digest).filter((each) => !inUse.includes(each))
      const gone = orphans.filter((digest) => {
        if (freed >= enoughBytes) return false
        freed += this.#forgetOrphan(digest, gathered)
        return true
      })
      this.#forgetContents(gone, gathered)
      return {
        removed: gathered,
        // Where it stopped early the same rows are looked at again.
        next: gone.length < orphans.length ? after : (last ?? undefined),
      }
    })()
  }

  /** Undefined where the repository is not known to have it. */
  remove(
    repository: Repository,
    reference: Reference,
    inUse: readonly Digest[],
  ): Removed | undefined {
    return this.#database.transaction(() =>
      'tag' in reference
        ? this.#removeTag(repository, reference.tag, inUse)
        : this.#removeDigest(repository, reference.digest, inUse),
    )()
  }

  #remove(
    roots: readonly { readonly digest: Digest; readonly lastUse: number }[],
    inUse: readonly Digest[],
    gathered: Gathered = nothingYet(),
  ): Gathered {
    const manifests = this.#withChildren(roots)
    const named = new Set<Digest>(manifests)
    for (const digest of manifests) {
      for (const { child } of this.#sql.namedBy.all({ digest }) as { child: Digest }[]) {
        named.add(child)
      }
    }
    gathered.manifests.push(...manifests)
    for (const digest of manifests) {
      this.#sql.forgetReferrers.run({ digest })
      this.#sql.forgetManifest.run({ digest })
    }
    for (const digest of manifests) this.#forgetTags(digest, gathered)
    const free = [...named].filter((digest) => !inUse.includes(digest))
    for (const digest of free) this.#forgetOrphan(digest, gathered)
    this.#forgetContents(free, gathered)
    return gathered
  }

  /** And what they list, where nothing else needs it and it was not used by itself since. */
  #withChildren(
    roots: readonly { readonly digest: Digest; readonly lastUse: number }[],
  ): ReadonlySet<Digest> {
    const going = new Set(roots.map(({ digest }) => digest))
    const lastUse = Math.max(0, ...roots.map((root) => root.lastUse))
    for (const digest of going) {
      for (const { child } of this.#sql.childManifests.all({ digest }) as { child: Digest }[]) {
        if (!this.#isNeeded(child, going, lastUse + SAME_PULL_MS)) going.add(child)
      }
    }
    return going
  }

  #isNeeded(digest: Digest, going: ReadonlySet<Digest>, usedSince: number): boolean {
    const parents = this.#sql.parents.all({ digest }) as { parent: Digest }[]
    if (parents.some(({ parent }) => !going.has(parent))) return true
    if (this.#sql.isTagged.get({ digest }) || this.#sql.isPinned.get({ digest })) return true
    const { lastUse } = this.#sql.manifestUse.get({ digest }) as { lastUse: number }
    return lastUse > usedSince
  }

  #forgetTags(digest: Digest, gathered: Gathered): void {
    const tags = this.#sql.tagsOf.all({ digest }) as NamedTag[]
    this.#sql.dropFallback.run({ digest })
    for (const { repository, registry, name, tag } of tags) {
      this.#sql.forgetTagWithoutManifest.run({ repository, tag })
      gathered.tags.push({ registry, name, tag })
    }
  }

  /** The bytes that are free then; 0 where it is needed, or was not stored. */
  #forgetOrphan(digest: Digest, gathered: Gathered): number {
    const row = this.#sql.forgetOrphan.get({ digest }) as { size: number } | undefined
    if (row) gathered.blobs.push({ digest, sizeBytes: row.size })
    return row?.size ?? 0
  }

  #forgetContents(digests: readonly Digest[], gathered: Gathered): void {
    const touched = new Set<number>()
    for (const digest of digests) {
      for (const row of this.#sql.forgetContent.all({ digest }) as { repository: number }[]) {
        touched.add(row.repository)
        const repository = this.#sql.repository.get({ id: row.repository }) as Repository
        gathered.contents.push({ ...repository, digest })
      }
    }
    for (const id of touched) this.#forgetIfEmpty(id, gathered)
  }

  #forgetIfEmpty(id: number, gathered: Gathered): void {
    const repository = this.#sql.forgetEmptyRepository.get({ id }) as Repository | undefined
    if (repository) gathered.repositories.push(repository)
  }

  #removeTag(
    { registry, name }: Repository,
    tag: Tag,
    inUse: readonly Digest[],
  ): Removed | undefined {
    const row = this.#sql.tagOf.get({ registry, name, tag }) as
      { repository: number; digest: Digest; completeDigest: Digest | null } | undefined
    if (!row) return undefined
    const { repository, digest, completeDigest } = row
    this.#forgetTag(repository, tag)
    const gathered = nothingYet()
    gathered.tags.push({ registry, name, tag })
    for (const each of completeDigest ? [digest, completeDigest] : [digest]) {
      this.#removeUnlessNeeded(repository, each, inUse, gathered)
    }
    this.#forgetIfEmpty(repository, gathered)
    return gathered
  }

  #removeDigest(
    { registry, name }: Repository,
    digest: Digest,
    inUse: readonly Digest[],
  ): Removed | undefined {
    const row = this.#sql.contentOf.get({ registry, name, digest }) as
      { repository: number } | undefined
    if (!row) return undefined
    const { repository } = row
    const gathered = nothingYet()
    for (const { tag } of this.#sql.tagsIn.all({ repository, digest }) as { tag: Tag }[]) {
      this.#forgetTag(repository, tag)
      gathered.tags.push({ registry, name, tag })
    }
    this.#sql.forgetPins.run({ repository, reference: digest })
    this.#removeUnlessNeeded(repository, digest, inUse, gathered)
    this.#sql.forgetContentIn.run({ repository, digest })
    gathered.contents.push({ registry, name, digest })
    this.#forgetIfEmpty(repository, gathered)
    return gathered
  }

  /** Whoever wants it gone no longer keeps it either; a list that still means it brings it again. */
  #forgetTag(repository: number, tag: Tag): void {
    this.#sql.forgetTag.run({ repository, tag })
    this.#sql.forgetPins.run({ repository, reference: tag })
  }

  /** By another tag, an index, a pin, or somebody who pulls it from another repository. */
  #removeUnlessNeeded(
    repository: number,
    digest: Digest,
    inUse: readonly Digest[],
    gathered: Gathered,
  ): void {
    const isNeeded =
      this.#sql.isTagged.get({ digest }) ??
      this.#sql.parents.get({ digest }) ??
      this.#sql.isPinned.get({ digest }) ??
      this.#sql.isSeenElsewhere.get({ digest, repository })
    const held = this.#sql.manifestUse.get({ digest })
    if (isNeeded) return
    if (held) this.#remove([{ digest, lastUse: Infinity }], inUse, gathered)
    else if (!inUse.includes(digest)) {
      this.#forgetOrphan(digest, gathered)
      this.#forgetContents([digest], gathered)
    }
  }
}

function nothingYet(): Gathered {
  return { manifests: [], blobs: [], tags: [], contents: [], repositories: [] }
}
