// In which order blobs are fetched. Pure.

import type { Digest } from '../oci/digest.ts'

export interface Needing<Blob> {
  readonly blobs: readonly Blob[]
  /** Two names of one manifest are one image. */
  readonly manifest: Digest | undefined
  /** The last run left it. */
  readonly isFirst: boolean
}

interface Use<Each, Blob> {
  readonly blob: Blob
  readonly first: Each
  readonly manifests: Set<Digest | undefined>
}

export interface BlobOrder<Each, Blob> {
  /** What several images share, most shared first: a run that ends early leaves the most behind. */
  readonly shared: readonly { readonly blob: Blob; readonly first: Each }[]
  /** Those that were left before, then the smaller: each is whole as soon as it can be. */
  readonly images: readonly Each[]
}

export function blobOrder<
  Blob extends { readonly digest: Digest; readonly sizeBytes: number },
  Each extends Needing<Blob>,
>(images: readonly Each[]): BlobOrder<Each, Blob> {
  const ordered = images
    .map((image) => ({ image, bytes: sum(image.blobs) }))
    .toSorted(
      (one, other) =>
        Number(other.image.isFirst) - Number(one.image.isFirst) || one.bytes - other.bytes,
    )
    .map(({ image }) => image)
  const uses = new Map<Digest, Use<Each, Blob>>()
  for (const image of ordered) {
    for (const blob of image.blobs) {
      const use = uses.get(blob.digest)
      if (use) use.manifests.add(image.manifest)
      else uses.set(blob.digest, { blob, first: image, manifests: new Set([image.manifest]) })
    }
  }
  const shared = [...uses.values()].filter(({ manifests }) => manifests.size > 1)
  return {
    shared: shared.toSorted((one, other) => other.manifests.size - one.manifests.size),
    images: ordered,
  }
}

function sum(blobs: readonly { readonly sizeBytes: number }[]): number {
  return blobs.reduce((total, { sizeBytes }) => total + sizeBytes, 0)
}
