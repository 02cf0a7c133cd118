// What the mirror may ask of an upstream registry, in OCI terms. Types only.

import type { Digest } from '../oci/digest.ts'
import type { Reference, RepositoryName } from '../oci/name.ts'

/** What a HEAD told; each field is undefined where the registry left the header out. */
export interface ManifestHead {
  readonly digest: Digest | undefined
  readonly mediaType: string | undefined
  readonly sizeBytes: number | undefined
}

/** Bytes as upstream sent them (Content-Encoding undone); not verified yet. */
export interface FetchedManifest {
  readonly bytes: Buffer
  readonly contentType: string | undefined
}

/** An open download. The caller iterates `body` to its end or calls `abort`, exactly one of the two. */
export interface OpenedBlob {
  /** The offset of the body's first byte: what was asked for, or 0 when upstream ignored the range. */
  readonly start: number
  /** The size of the whole blob, where upstream told it. */
  readonly totalBytes: number | undefined
  /** Throws UpstreamError when the connection breaks, stalls, or ends before its Content-Length. */
  readonly body: AsyncIterable<Uint8Array>
  abort(): void
}

/**
 * One registry, all its endpoints. Every method: undefined when upstream says with authority that the
 * thing does not exist; UpstreamError for every other failure, after the retries that are worth it.
 */
export interface UpstreamRegistry {
  readonly registry: string
  headManifest(repository: RepositoryName, reference: Reference): Promise<ManifestHead | undefined>
  getManifest(
    repository: RepositoryName,
    reference: Reference,
  ): Promise<FetchedManifest | undefined>
  /** `range` is inclusive at both ends; without `end` it is open. A 416 is a `bad-response`. */
  openBlob(
    repository: RepositoryName,
    digest: Digest,
    range?: { readonly start: number; readonly end?: number },
  ): Promise<OpenedBlob | undefined>
}

/** The registries the operator named and the built-in ones; nothing else is ever dialled. */
export interface Upstreams {
  /** `registry` is a canonical name known to the configuration. */
  registry(registry: string): UpstreamRegistry
  close(): Promise<void>
}
