// The reader in SQLite. Synchronous: it runs in a worker (reader-worker.ts), never on the main thread.

import type { Database, Statement } from 'better-sqlite3'
import { allNear } from '../lib/nearest.ts'
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName, Tag } from '../oci/name.ts'
import type { Synchronous } from './synchronous.ts'
import { describeImage, rowsOf } from './image-tree.ts'
import { GcPlan } from './gc-plan.ts'
import type { PullCount, StoredDigest } from './index-port.ts'
import type {
  HeldImage,
  ImageCursor,
  ImagePage,
  ImageSelection,
  IndexReader,
  KeptPage,
  PinCursor,
  PinningList,
  UseCursor,
  VictimImage,
} from './reader-port.ts'
import { KeptContent } from './kept-content.ts'
import { readerStatements } from './reader-statements.ts'

/** Few enough that each page is read in some hundredths of a second. */
const PAGE_ROWS_MAX = 250

/** Names, tags and digests are ASCII: what begins with a text sorts below the text and this. */
const AFTER_ALL = '\u007f'

/** Of the names like one that was mistyped. */
const LIKELY_MAX = 5

interface RepositoryRow {
  readonly id: number
  readonly name: RepositoryName
}

export class SqliteReader implements Synchronous<IndexReader> {
  readonly #database: Database
  readonly #pageRows: number
  readonly #sql: Record<keyof typeof readerStatements, Statement>
  readonly #gcPlan: GcPlan
  readonly #kept: KeptContent

  constructor(database: Database, pageRows = PAGE_ROWS_MAX) {
    this.#database = database
    this.#pageRows = pageRows
    this.#sql = Object.fromEntries(
      Object.entries(readerStatements).map(([name, text]) => [name, database.prepare(text)]),
    ) as Record<keyof typeof readerStatements, Statement>
    this.#kept = new KeptContent(database)
    this.#gcPlan = new GcPlan(database, (image, inUse) => {
      const { sizeBytes = 0, sharedBytes = 0 } = describeImage(this.#sql, image, inUse) ?? {}
      return sizeBytes - sharedBytes
    })
  }

  registries(): readonly string[] {
    const found: string[] = []
    for (let after = ''; ;) {
      const row = this.#sql.nextRegistry.get({ after }) as { registry: string | null }
      if (row.registry === null) return found
      found.push(row.registry)
      after = row.registry
    }
  }

  images(selection: ImageSelection, after: ImageCursor | undefined): ImagePage {
    const images: HeldImage[] = []
    const described = new Map<Digest, ReturnType<typeof describeImage>>()
    let left = this.#pageRows
    let repository = this.#repository(selection, after?.name, true)
    let cursor = after?.name === repository?.name ? after : undefined
    while (repository) {
      for (const among of ['tagged', 'untagged'] as const) {
        if (among === 'tagged' && cursor?.among === 'untagged') continue
        if (among === 'untagged' && selection.tagStartsWith !== undefined) continue
        const last = cursor?.among === among ? cursor.last : ''
        const rows = this.#rows(selection, repository, among, last, left)
        for (const row of rows) {
          const image = this.#image(selection, repository, row, described)
          if (image) images.push(image)
        }
        left -= rows.length
        const end = rows.at(-1)
        if (left <= 0 && end) {
          return { images, next: { name: repository.name, among, last: end.tag ?? end.key } }
        }
      }
      // A repository of which nothing is held takes its time too.
      left -= 1
      cursor = undefined
      repository = this.#repository(selection, repository.name, false)
      if (left <= 0 && repository) {
        return { images, next: { name: repository.name, among: 'tagged', last: '' } }
      }
    }
    return { images, next: undefined }
  }

  likelyRepositories(registry: string, name: string): readonly string[] {
    const rows = this.#sql.repositoryNames.all({ registry }) as { name: string }[]
    const names = rows.map((row) => row.name)
    return allNear(name, names).slice(0, LIKELY_MAX)
  }

  pullCounts(since: string): readonly PullCount[] {
    return this.#sql.pullCounts.all({ since }) as PullCount[]
  }

  untaggedImages(before: number, after: string, inUse: readonly Digest[]): readonly VictimImage[] {
    return this.#gcPlan.untagged(before, after, inUse)
  }

  imagesByUse(after: UseCursor, inUse: readonly Digest[]): readonly VictimImage[] {
    return this.#gcPlan.byUse(after, inUse)
  }

  imagesNaming(digests: readonly Digest[]): readonly Digest[] {
    return this.#gcPlan.naming(digests)
  }

  orphans(
    after: number,
    scan: number,
    before: number,
  ): { orphans: readonly StoredDigest[]; next: number | undefined } {
    return this.#gcPlan.orphans(after, scan, before)
  }

  pinnedBytes(): number {
    return this.#kept.bytes()
  }

  pinningLists(): readonly PinningList[] {
    return this.#kept.lists()
  }

  keptByLists(after: PinCursor | undefined): KeptPage {
    return this.#kept.byLists(after)
  }

  close(): void {
    this.#database.close()
  }

  /** The first one that is selected, from `name` on or after it. */
  #repository(
    { registry, name: wanted }: ImageSelection,
    name: string | undefined,
    isIncluded: boolean,
  ): RepositoryRow | undefined {
    const start = 'is' in wanted ? wanted.is : wanted.startsWith
    const below = 'is' in wanted ? `${start}!` : start + AFTER_ALL
    const from = name === undefined ? start : isIncluded ? name : `${name}!`
    return this.#sql.nextRepository.get({ registry, from, below }) as RepositoryRow | undefined
  }

  #rows(
    { tagStartsWith = '', digestStartsWith = '' }: ImageSelection,
    repository: RepositoryRow,
    among: ImageCursor['among'],
    after: string,
    limit: number,
  ): readonly { readonly key: string; readonly tag?: Tag; readonly digest: Digest | null }[] {
    const from = among === 'tagged' ? tagStartsWith : digestStartsWith
    const range = { repository: repository.id, from, below: from + AFTER_ALL, after, limit }
    if (among === 'tagged') {
      const rows = this.#sql.tags.all(range) as { name: Tag; digest: Digest | null }[]
      return rows.map(({ name, digest }) => ({ key: name, tag: name, digest }))
    }
    const rows = this.#sql.untagged.all(range) as { digest: Digest }[]
    return rows.map(({ digest }) => ({ key: digest, digest }))
  }

  #image(
    { registry, digestStartsWith = '' }: ImageSelection,
    { id, name }: RepositoryRow,
    { tag, digest }: { readonly tag?: Tag; readonly digest: Digest | null },
    described: Map<Digest, ReturnType<typeof describeImage>>,
  ): HeldImage | undefined {
    if (digest === null || !digest.startsWith(digestStartsWith)) return undefined
    const image = described.get(digest) ?? this.#described(digest)
    if (!image) return undefined
    described.set(digest, image)
    const pins = this.#sql.pins.all({ repository: id, tag: tag ?? digest, digest }) as {
      pinned_by: string
    }[]
    const pinnedBy = pins.map((pin) => pin.pinned_by)
    return { registry, name, tag, digest, ...image, pinnedBy }
  }

  /** An image by another tag too shares all of it. */
  #described(digest: Digest): ReturnType<typeof describeImage> {
    const image = describeImage(this.#sql, digest)
    if (!image) return undefined
    const { tagged, untagged } = rowsOf(this.#sql, digest)
    return tagged + untagged > 1 ? { ...image, sharedBytes: image.sizeBytes } : image
  }
}
