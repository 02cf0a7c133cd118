// The manifests in the index: whether their bytes are right, and whether each has its file.

import type { Digest } from '../oci/digest.ts'
import type { Index } from '../store/index-port.ts'
import type { ManifestFiles } from './manifest-files.ts'

/** One step of the index worker: a few milliseconds of hashing. */
const PAGE_ROWS = 100

/** Yields those that were damaged, and are forgotten now. */
export async function* checkManifests(
  index: Index,
  manifests: ManifestFiles,
  signal: AbortSignal,
): AsyncGenerator<Digest> {
  for (let after = ''; ;) {
    signal.throwIfAborted()
    const { last, bad, unkept } = await index.checkManifests(after, PAGE_ROWS)
    if (!last) return
    after = last
    for (const digest of unkept) {
      const manifest = await index.findManifest(digest)
      if (manifest) manifests.keep(manifest)
    }
    await manifests.settled()
    yield* bad
  }
}
