// The files under blobs/ beside the rows of the index, both in the order of their digests.

import type { Digest } from '../oci/digest.ts'
import type { BlobStore } from '../store/blob-store.ts'
import type { Index, StoredDigest } from '../store/index-port.ts'

/** One step of the index worker: about a millisecond. */
const PAGE_ROWS = 500

export interface Pair {
  readonly digest: Digest
  readonly hasFile: boolean
  /** What its row says; undefined where it has none. */
  readonly sizeBytes: number | undefined
}

/**
 * What is published or removed meanwhile may be seen as half of a pair: whoever acts on one looks again.
 * Throws the signal's reason.
 */
export async function* pairs(
  store: BlobStore,
  index: Index,
  signal: AbortSignal,
): AsyncGenerator<Pair> {
  const rows = rowsOf(index)
  let row = await rows.next()
  for await (const files of store.published()) {
    for (const digest of files) {
      signal.throwIfAborted()
      for (; !row.done && row.value.digest < digest; row = await rows.next()) {
        yield { ...row.value, hasFile: false }
      }
      const isSame = !row.done && row.value.digest === digest
      yield { digest, hasFile: true, sizeBytes: isSame ? row.value?.sizeBytes : undefined }
      if (isSame) row = await rows.next()
    }
  }
  for (; !row.done; row = await rows.next()) {
    signal.throwIfAborted()
    yield { ...row.value, hasFile: false }
  }
}

async function* rowsOf(index: Index): AsyncGenerator<StoredDigest, undefined> {
  for (let after = ''; ;) {
    const page = await index.blobsAfter(after, PAGE_ROWS)
    yield* page
    const last = page.at(-1)
    if (!last) return undefined
    after = last.digest
  }
}
