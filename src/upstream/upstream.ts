// What the mirror may ask of an upstream registry, in OCI terms. Types only.

import type { UpstreamErrorKind } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference, RepositoryName } from '../oci/name.ts'
import type { ReferrerDescriptor } from '../oci/referrers.ts'

/** How an answer came about. */
export interface Provenance {
  /** No login was used for it: anybody could have had it. */
  readonly isAnonymous: boolean
  /** It comes from the last endpoint, which the others copy. */
  readonly isOrigin: boolean
}

/** What a HEAD told; each field is undefined where the registry left the header out. */
export interface ManifestHead extends Provenance {
  readonly digest: Digest | undefined
  readonly mediaType: string | undefined
  readonly sizeBytes: number | undefined
}

/** Bytes as upstream sent them (Content-Encoding undone); not verified yet. */
export interface FetchedManifest extends Provenance {
  readonly bytes: Buffer
  readonly contentType: string | undefined
}

/** An open download. The caller iterates `body` to its end or calls `abort`, exactly one of the two. */
export interface OpenedBlob extends Provenance {
  /** The offset of the body's first byte: what was asked for, or 0 when upstream ignored the range. */
  readonly start: number
  /** The body is what was asked for and no more; else it goes on to the end of the blob. */
  readonly isPart: boolean
  /** The size of the whole blob, where upstream told it. */
  readonly totalBytes: number | undefined
  /** Throws UpstreamError when the connection breaks, stalls, or ends before its Content-Length. */
  readonly body: AsyncIterable<Uint8Array>
  abort(): void
  /**
   * The bytes were wrong: whoever gave them is asked last for this digest for a while. False where no
   * endpoint is left that could do better.
   */
  readonly distrust: () => boolean
}

/** Whom to ask, and as whom; default: every endpoint in order, with the login where there is one. */
export interface Asking {
  /** Without the login: what the answer is, anybody may have. */
  readonly anonymously?: boolean
  /** The last endpoint only. */
  readonly originOnly?: boolean
  /** Of a HEAD: where the registry refuses it, nothing is told. A GET instead may count as a pull. */
  readonly headOnly?: boolean
  /**
   * Of a blob, some of which comes over another connection at the same time: asked once, and only while
   * half of the downloads that may run do not. A refusal may be of their number, and is held against
   * nobody.
   */
  readonly isFurther?: boolean
}

export interface TagList extends Provenance {
  readonly tags: readonly string[]
  /** Upstream has more than the limits let us ask for. */
  readonly isCut: boolean
}

export interface ReferrerList extends Provenance {
  readonly descriptors: readonly ReferrerDescriptor[]
}

/** What went wrong, without a word that might name what is not for everybody. */
export interface EndpointFailure {
  readonly kind: UpstreamErrorKind
  /** Of the answer that was the failure. */
  readonly status: number | undefined
  /** Whose failure it is, where that need not be the endpoint's: its token server, storage or proxy. */
  readonly host: string | undefined
  readonly atMs: number
}

/** What an endpoint is up to, for people who look. Times in ms since the epoch. */
export interface EndpointStatus {
  readonly url: URL
  readonly state: 'unused' | 'working' | 'paused' | 'set-aside'
  /** When it is asked again, where it is paused or set aside. */
  readonly untilMs: number | undefined
  readonly lastFailure: EndpointFailure | undefined
}

/** Pulls left, as Docker Hub tells it (`ratelimit-remaining: 76;w=21600`). */
export interface PullQuota {
  readonly limit: number | undefined
  readonly remaining: number
  readonly windowSeconds: number | undefined
  /** The address or account that is counted. */
  readonly source: string | undefined
  readonly toldAtMs: number
}

export interface RegistryStatus {
  readonly registry: string
  readonly endpoints: readonly EndpointStatus[]
  readonly quota: PullQuota | undefined
  /** `refused`: the login did not work when last tried. */
  readonly login: 'none' | 'configured' | 'refused'
  /** Undefined: not since the start. */
  readonly loginTriedAtMs: number | undefined
}

/** What became of trying a login. */
export type LoginCheck = {
  readonly outcome: 'works' | 'refused' | 'not-asked-for' | 'unreachable'
  readonly message: string
}

/**
 * One registry, all its endpoints. Every method: undefined when upstream says with authority that the
 * thing does not exist; UpstreamError for every other failure, after the retries that are worth it.
 */
export interface UpstreamRegistry {
  readonly registry: string
  /** Whether there is a login or a client certificate to use, or was when anything was asked since the start. */
  readonly hasLogin: boolean
  headManifest(
    repository: RepositoryName,
    reference: Reference,
    asking?: Asking,
  ): Promise<ManifestHead | undefined>
  getManifest(
    repository: RepositoryName,
    reference: Reference,
    asking?: Asking,
  ): Promise<FetchedManifest | undefined>
  /** `range` is inclusive at both ends; without `end` it is open. A 416 is a `bad-response`. */
  openBlob(
    repository: RepositoryName,
    digest: Digest,
    range?: { readonly start: number; readonly end?: number },
    asking?: Asking,
  ): Promise<OpenedBlob | undefined>
  // Lists are asked of the origin first: who copies it may lag, and does not know what is new.
  /**
   * All tags, in byte order, every page of them up to the limits; without the login the first page
   * only, which tells whether they can be read at all. `no-list`: it keeps none of this repository,
   * which may well be there.
   */
  listTags(repository: RepositoryName, asking?: Asking): Promise<TagList | 'no-list' | undefined>
  /**
   * Unfiltered; an empty one is the origin's. Undefined also where the registry has no referrers API:
   * the tag schema may know more.
   */
  listReferrers(repository: RepositoryName, subject: Digest): Promise<ReferrerList | undefined>
  status(): RegistryStatus
  /** Asks for a token, or with Basic, without pulling anything. */
  checkLogin(): Promise<LoginCheck>
}

/** The registries the operator named and the built-in ones; nothing else is ever dialled. */
export interface Upstreams {
  /** `registry` is a canonical name known to the configuration. */
  registry(registry: string): UpstreamRegistry
  all(): readonly UpstreamRegistry[]
  close(): Promise<void>
}
