// Whether upstream has something in a repository, asked as cheaply as can be.

import { IntegrityError, UpstreamError } from '../errors.ts'
import { digestAlgorithm, digestOf } from '../oci/digest.ts'
import type { Digest } from '../oci/digest.ts'
import { describeManifest } from '../oci/manifest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { referenceText } from '../oci/name.ts'
import type { Reference, RepositoryName, Tag } from '../oci/name.ts'
import type {
  Asking,
  FetchedManifest,
  ManifestHead,
  OpenedBlob,
  UpstreamRegistry,
} from '../upstream/upstream.ts'

/** What a client asks of a repository. */
export type Wanted =
  | {
      readonly kind: 'manifest'
      readonly reference: Reference
      /** The size of what is held as that: it tells as much as a digest, and saves a GET. */
      readonly heldBytes?: number | undefined
    }
  | { readonly kind: 'blob'; readonly digest: Digest }
  | { readonly kind: 'tags' }
  | { readonly kind: 'referrers'; readonly subject: Digest }

export type ProbedBlob = Pick<OpenedBlob, 'totalBytes' | 'isAnonymous' | 'isOrigin'>

export interface Probed {
  /** A manifest tells of its repository; a blob, which some give in whatever repository, of itself. */
  readonly tellsOf: 'repository' | 'blob'
  readonly isAnonymous: boolean
}

export interface Probe {
  readonly upstream: UpstreamRegistry
  readonly repository: RepositoryName
  readonly wanted: Wanted
  /** One that the repository had when it was last looked at. */
  readonly knownTag: Tag | undefined
  readonly anonymously: boolean
}

/** Undefined where the origin says that it has no such thing; throws UpstreamError where it refuses. */
export async function probe(asked: Probe): Promise<Probed | undefined> {
  const { wanted, knownTag } = asked
  if (wanted.kind === 'manifest') {
    return await probeManifest(asked, wanted.reference, wanted.heldBytes)
  }
  if (wanted.kind === 'referrers') return await probeManifest(asked, { digest: wanted.subject })
  const known = knownTag && (await probeManifest(asked, { tag: knownTag }))
  if (known) return known
  if (wanted.kind === 'tags') return await probeListed(asked)
  // That the list is refused, or cannot be had, says nothing of the blob.
  const listed = await probeListed(asked).catch(onlyIfRefused)
  return listed ?? (await probeBlobAlone(asked, wanted.digest))
}

function onlyIfRefused(error: unknown): undefined {
  if (!(error instanceof UpstreamError) || error.kind !== 'not-visible') throw error
}

/** A list alone opens nothing: some registries have an empty one for whoever asks for whatever. */
async function probeListed(asked: Probe): Promise<Probed | undefined> {
  const { upstream, repository, anonymously } = asked
  const list = await upstream.listTags(repository, { anonymously, originOnly: true })
  const tag = list === 'no-list' ? undefined : list?.tags[0]
  return tag === undefined ? undefined : await probeManifest(asked, { tag: tag as Tag })
}

async function probeManifest(
  asked: Probe,
  reference: Reference,
  heldBytes?: number,
): Promise<Probed | undefined> {
  const { upstream, repository, anonymously } = asked
  const asking = { anonymously, originOnly: true }
  const head = await upstream.headManifest(repository, reference, asking)
  if (!head) return undefined
  // A captive portal has a page for whatever is asked.
  if (head.mediaType === undefined || !isManifestType(head.mediaType)) {
    throw noManifest(asked, reference)
  }
  const { digest, isAnonymous, sizeBytes } = head
  if (digest !== undefined) {
    if ('digest' in reference && reference.digest !== digest) throw noManifest(asked, reference)
    return { tellsOf: 'repository', isAnonymous }
  }
  if (heldBytes !== undefined && sizeBytes !== undefined) {
    if (sizeBytes !== heldBytes) throw noManifest(asked, reference)
    return { tellsOf: 'repository', isAnonymous }
  }
  const fetched = await upstream.getManifest(repository, reference, asking)
  if (!fetched) return undefined
  if (!isManifest(fetched, reference)) throw noManifest(asked, reference)
  return { tellsOf: 'repository', isAnonymous: fetched.isAnonymous }
}

function isManifest({ bytes, contentType }: FetchedManifest, reference: Reference): boolean {
  try {
    describeManifest(bytes, contentType)
  } catch (error) {
    if (error instanceof IntegrityError) return false
    throw error
  }
  const digest = 'digest' in reference ? reference.digest : undefined
  return digest === undefined || digestOf(bytes, digestAlgorithm(digest)) === digest
}

function noManifest({ upstream, repository }: Probe, reference: Reference): UpstreamError {
  const what = `${upstream.registry}/${repository} ${referenceText(reference)}`
  return new UpstreamError('bad-response', `upstream answered with no manifest for ${what}`)
}

async function probeBlobAlone(asked: Probe, digest: Digest): Promise<Probed | undefined> {
  const { upstream, repository, anonymously } = asked
  const asking = { anonymously, originOnly: true }
  const found = await probeBlob(upstream, repository, digest, asking)
  return found && { tellsOf: 'blob', isAnonymous: found.isAnonymous }
}

/** Whether it is the head of that manifest, as far as a head can tell. */
export function isHeadOf(head: ManifestHead, digest: Digest): boolean {
  return head.digest === digest && head.mediaType !== undefined && isManifestType(head.mediaType)
}

/**
 * One byte is asked for: public.ecr.aws answers 401 to every HEAD of a blob. The empty blob has none,
 * so no range of it can be answered.
 */
export async function probeBlob(
  upstream: UpstreamRegistry,
  repository: RepositoryName,
  digest: Digest,
  asking: Asking,
): Promise<ProbedBlob | undefined> {
  const isEmpty = digest === digestOf(new Uint8Array(0), digestAlgorithm(digest))
  const range = isEmpty ? undefined : { start: 0, end: 0 }
  const opened = await upstream.openBlob(repository, digest, range, asking)
  opened?.abort()
  return opened
}
