// An index filled with images of which the test says what they name and when they were used.
import Database from 'better-sqlite3'
import { digestOf } from '../../src/oci/digest.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { parseRepositoryName, parseTag } from '../../src/oci/name.ts'
import type { Repository, Tag } from '../../src/oci/name.ts'
import type { ImageCursor, ImageVictim, Removed } from '../../src/store/index-port.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { openIndex } from '../../src/store/open-index.ts'
import type { SqliteIndex } from '../../src/store/sqlite-index.ts'
import { SqliteReader } from '../../src/store/sqlite-reader.ts'
import { TempFolder } from './temp-folder.ts'

export const BLOB_BYTES = 5000
export const EVER = Number.MAX_SAFE_INTEGER

export function repositoryOf(name: string): Repository {
  return { registry: 'docker.io', name: parseRepositoryName(name) as never }
}

export function tagOf(name: string): Tag {
  return parseTag(name) as Tag
}

// The digest of whatever the test calls so.
export function named(name: string): Digest {
  return digestOf(Buffer.from(name))
}

export function anyImage(more: Partial<ImageVictim> = {}): ImageVictim {
  return { after: undefined, before: EVER, spares: [], inUse: [], ...more }
}

export class HeldImages implements AsyncDisposable {
  readonly index: SqliteIndex
  readonly #folder = new TempFolder('index')
  readonly #unlock: () => void

  constructor() {
    const { index, unlock } = openIndex(layoutOf(this.#folder.path), undefined)
    this.index = index
    this.#unlock = unlock
  }

  // A manifest that is stored, with its blobs, and was used at that time.
  hold(
    repository: Repository,
    name: string,
    below: { readonly children?: readonly string[]; readonly blobs?: readonly string[] },
    usedAt: number,
  ): Digest {
    const { children = [], blobs = [] } = below
    const digest = named(name)
    const descriptor = (each: string) => ({
      digest: named(each),
      sizeBytes: BLOB_BYTES,
      mediaType: 'x',
      platform: undefined,
    })
    this.index.recordManifest(repository, {
      digest,
      mediaType: 'x',
      bytes: Buffer.from(name),
      children: children.map(descriptor),
      blobs: blobs.map(descriptor),
      subject: undefined,
      artifactType: undefined,
      opens: 'repository',
    })
    for (const blob of blobs) this.store(blob, usedAt)
    this.index.recordUses([[digest, usedAt]])
    return digest
  }

  // The first image that may go, however many are looked at.
  evictImage(more: Partial<ImageVictim> = {}): Removed | undefined {
    let after: ImageCursor | undefined
    do {
      const { removed, next } = this.index.evictImage(anyImage({ ...more, after }))
      if (removed) return removed
      after = next
    } while (after)
    return undefined
  }

  // As whoever looks sees it, on a connection that only reads.
  look<Answer>(ask: (reader: SqliteReader) => Answer): Answer {
    const file = layoutOf(this.#folder.path).index
    const reader = new SqliteReader(new Database(file, { readonly: true }))
    try {
      return ask(reader)
    } finally {
      reader.close()
    }
  }

  pinnedBytes(): number {
    return this.look((reader) => reader.pinnedBytes())
  }

  store(blob: string, storedAt: number): void {
    const row = { sizeBytes: BLOB_BYTES, stamp: '1', storedAt }
    if (!this.index.findBlob(named(blob))) this.index.publishBlob(named(blob), row)
  }

  tag(repository: Repository, tag: string, name: string, checkedAt = 1): void {
    this.index.moveTag(repository, tagOf(tag), {
      digest: named(name),
      mediaType: 'x',
      sizeBytes: 2,
      checkedAt,
      opens: 'repository',
    })
  }

  // Of the given names, those that are still there.
  left(...names: readonly string[]): string[] {
    return names.filter((name) => {
      const digest = named(name)
      return this.index.findBlob(digest) ?? this.index.findManifest(digest)
    })
  }

  async close(): Promise<void> {
    this.index.close()
    this.#unlock()
    await this.#folder.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
