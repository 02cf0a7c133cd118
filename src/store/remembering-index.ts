// The index with its hot rows in memory, so that a pull of what is held waits for no worker. The index
// stays the truth: this process owns it alone, and every change here goes there first.

import { LRUCache } from 'lru-cache'
import { StoreError } from '../errors.ts'
import { boundedMap } from '../lib/bounded-map.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import { countingChanges } from './counted-changes.ts'
import type {
  BlobRow,
  ContentRow,
  HeldManifest,
  Index,
  Removed,
  Sighting,
  TagRow,
  Visibility,
  WorkerIndex,
} from './index-port.ts'

/** Manifests are a few KiB; these are the ones of some thousand images. */
const MANIFEST_BYTES_MAX = 16 * 1024 * 1024
const TAGS_MAX = 10_000
const CONTENT_ROWS_MAX = 50_000
const BLOB_ROWS_MAX = 50_000
const REPOSITORIES_MAX = 10_000
const OPEN_DIGESTS_MAX = 50_000

/**
 * Answers of the worker come in the order of the calls, so a row that was read before a change is
 * remembered before the change's answer makes it forgotten.
 */
export function rememberingIndex(index: WorkerIndex): Index {
  // Taken at once, the room for all these rows is 3 MB in a mirror that has nobody to serve.
  const tags = boundedMap<string, TagRow>(TAGS_MAX)
  const contents = boundedMap<string, ContentRow>(CONTENT_ROWS_MAX)
  const blobs = boundedMap<Digest, BlobRow>(BLOB_ROWS_MAX)
  const visibilities = boundedMap<string, Visibility>(REPOSITORIES_MAX)
  const open = boundedMap<Digest, true>(OPEN_DIGESTS_MAX)
  /** Private by now, though the index could not be told. */
  const untold = new Map<string, { repository: Repository; visibility: Visibility }>()
  const manifests = new LRUCache<Digest, HeldManifest>({
    maxSize: MANIFEST_BYTES_MAX,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes.byteLength),
  })

  /** The first sighting of a repository can make it public or private. */
  const seen = (repository: Repository, { opens }: Sighting): void => {
    const key = repositoryKey(repository)
    if (opens === 'login-only' && !visibilities.has(key)) open.clear()
    if (opens === 'repository' || opens === 'repository-until-checked') visibilities.delete(key)
    if (opens === 'repository') untold.delete(key)
  }

  /** Whatever comes of the write: what a failing disk does not take is closed all the same. */
  const close = async (repository: Repository, visibility: Visibility): Promise<void> => {
    const key = repositoryKey(repository)
    visibilities.set(key, visibility)
    open.clear()
    try {
      await index.recordVisibility(repository, visibility)
      untold.delete(key)
    } catch (error) {
      untold.set(key, { repository, visibility })
      throw error
    } finally {
      // What was read before the write may have been remembered since.
      visibilities.delete(key)
      open.clear()
    }
  }

  const tellAgain = async (): Promise<void> => {
    for (const { repository, visibility } of [...untold.values()]) {
      try {
        await close(repository, visibility)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        return
      }
    }
  }

  const removed = <Answer extends Removed | undefined>(gone: Answer): Answer => {
    for (const digest of gone?.manifests ?? []) manifests.delete(digest)
    for (const { digest } of gone?.blobs ?? []) blobs.delete(digest)
    for (const { tag, ...repository } of gone?.tags ?? [])
      tags.delete(imageName(repository, { tag }))
    for (const { digest, ...repository } of gone?.contents ?? []) {
      open.delete(digest)
      contents.delete(imageName(repository, { digest }))
    }
    for (const each of gone?.repositories ?? []) {
      visibilities.delete(repositoryKey(each))
      untold.delete(repositoryKey(each))
    }
    return gone
  }

  return countingChanges({
    ...index,
    async evictImage(ask) {
      const slice = await index.evictImage(ask)
      removed(slice.removed)
      return slice
    },
    evictUntagged: async (ask) => removed(await index.evictUntagged(ask)),
    remove: async (...ask) => removed(await index.remove(...ask)),
    async evictOrphans(ask) {
      const slice = await index.evictOrphans(ask)
      removed(slice.removed)
      return slice
    },
    findTag: (repository, tag) =>
      remembered(tags, imageName(repository, { tag }), () => index.findTag(repository, tag)),
    async moveTag(repository, tag, to) {
      const row = await index.moveTag(repository, tag, to)
      seen(repository, to)
      if (row) tags.set(imageName(repository, { tag }), row)
      else tags.delete(imageName(repository, { tag }))
      contents.delete(imageName(repository, { digest: to.digest }))
      return row
    },
    async forgetTag(repository, tag) {
      await index.forgetTag(repository, tag)
      tags.delete(imageName(repository, { tag }))
    },
    findContent: (repository, digest) =>
      remembered(contents, imageName(repository, { digest }), () =>
        index.findContent(repository, digest),
      ),
    async recordContent(repository, digest, row) {
      await index.recordContent(repository, digest, row)
      seen(repository, row)
      contents.delete(imageName(repository, { digest }))
    },
    findManifest: (digest) => remembered(manifests, digest, () => index.findManifest(digest)),
    async recordManifest(repository, manifest) {
      await index.recordManifest(repository, manifest)
      seen(repository, manifest)
      const key = repositoryKey(repository)
      for (const { digest } of [manifest, ...manifest.children, ...manifest.blobs]) {
        contents.delete(`${key}@${digest}`)
      }
    },
    async isOpen(digest) {
      if (open.has(digest)) return true
      await tellAgain()
      const isOpen = await index.isOpen(digest)
      // It may be so only by a repository that is private by now.
      if (!isOpen || untold.size > 0) return false
      open.set(digest, true)
      return true
    },
    async findVisibility(repository) {
      const key = repositoryKey(repository)
      return (
        untold.get(key)?.visibility ??
        (await remembered(visibilities, key, () => index.findVisibility(repository)))
      )
    },
    async recordVisibility(repository, visibility) {
      if (!visibility.isPublic) return await close(repository, visibility)
      await index.recordVisibility(repository, visibility)
      visibilities.delete(repositoryKey(repository))
      untold.delete(repositoryKey(repository))
    },
    async heldRepositories(...ask) {
      const held = await index.heldRepositories(...ask)
      return held.map((each) =>
        untold.has(repositoryKey(each)) ? { ...each, isPublic: false } : each,
      )
    },
    async restore(rows) {
      await index.restore(rows)
      visibilities.clear()
      open.clear()
      contents.clear()
      tags.clear()
    },
    async recordTagList(repository, list) {
      await index.recordTagList(repository, list)
      seen(repository, list)
    },
    async recordReferrers(repository, subject, referrers) {
      await index.recordReferrers(repository, subject, referrers)
      seen(repository, referrers)
    },
    findBlob: (digest) => remembered(blobs, digest, () => index.findBlob(digest)),
    async publishBlob(digest, blob) {
      await index.publishBlob(digest, blob)
      blobs.delete(digest)
    },
    async checkedBlob(digest, stamp, checkedAt) {
      await index.checkedBlob(digest, stamp, checkedAt)
      blobs.delete(digest)
    },
    async forgetBlob(digest) {
      await index.forgetBlob(digest)
      blobs.delete(digest)
    },
  })
}

/** Absence is not remembered: whatever is absent is asked of upstream next, and then it is there. */
async function remembered<Key extends string, Row extends object>(
  cache: LRUCache<Key, Row>,
  key: Key,
  find: () => Promise<Row | undefined>,
): Promise<Row | undefined> {
  const known = cache.get(key)
  if (known) return known
  const row = await find()
  if (row) cache.set(key, row)
  return row
}
