// What refers to a manifest (signatures, SBOMs, attestations): from the index while it is fresh, from
// upstream's API or the tag that stands in for it else. Never an empty list because upstream failed:
// clients take the first list for the truth, and would take a signed image for an unsigned one.

import { IntegrityError, reasonOf, RequestError, UpstreamError } from '../errors.ts'
import type { Reason } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import { imageName } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { parseReferrers, referrerOf, referrersTag } from '../oci/referrers.ts'
import type { ReferrerDescriptor } from '../oci/referrers.ts'
import type { Index } from '../store/index-port.ts'
import type { ReferrerList, Upstreams } from '../upstream/upstream.ts'
import { isFailureToAnswer, Lists } from './lists.ts'
import type { HeardList, List, ListAnswer, ListsOptions, StoredList } from './lists.ts'
import type { Manifests } from './manifests.ts'
import { openedBy } from './opening.ts'
import type { FoundReferrers, KnownReferrers, TagHead } from './warm-port.ts'

/** Signatures are added soon after a push, and seldom later. */
export const REFERRERS_FRESH_MS = 300_000

export type ReferrersAnswer = ListAnswer<ReferrerDescriptor>

/** What a tag's manifest is asked for here. */
export interface TaggedManifest {
  readonly mediaType: string
  readonly bytes: Uint8Array | undefined
  readonly staleBecause: Reason | undefined
}

export interface ReferrersOptions extends ListsOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly manifests: Manifests
  /** As any client's request for a tag, with all that is kept of it. */
  readonly manifestOfTag: (repository: Repository, tag: Tag) => Promise<TaggedManifest | undefined>
  /** For whoever would not have a GET spent on it. */
  readonly headOfTag: (repository: Repository, tag: Tag) => Promise<TagHead | undefined>
}

export class Referrers {
  readonly #options: ReferrersOptions
  readonly #lists: Lists<ReferrerDescriptor>

  constructor(options: ReferrersOptions) {
    this.#options = options
    this.#lists = new Lists(options)
  }

  /** Throws where nothing is known and asking fails; a subject that nobody has is not referred to. */
  async find(repository: Repository, subject: Digest): Promise<ReferrersAnswer> {
    try {
      const ask = () => this.#ask(repository, subject)
      return (await this.#lists.find(this.#list(repository, subject, ask))) ?? NONE
    } catch (error) {
      throw isFailureToAnswer(error) ? unavailable(error) : error
    }
  }

  /**
   * Asked of upstream now, but for the manifest of the tag that stands in for its API: that is a pull.
   * `said`: what that tag is known to point to.
   */
  async current(repository: Repository, subject: Digest, said?: TagHead): Promise<FoundReferrers> {
    const upstream = this.#options.upstreams.registry(repository.registry)
    const listed = said ? undefined : await upstream.listReferrers(repository.name, subject)
    const byTag = listed ? undefined : await this.#listedByTag(repository, subject, said)
    const list = listed ?? byTag?.list
    const { tag, head } = byTag ?? {}
    if (!list) return { referrers: undefined, tag, head }
    const ask = () => Promise.resolve(this.#heard(repository, subject, list))
    const answer = await this.#lists.current(this.#list(repository, subject, ask))
    return { referrers: answer?.entries ?? [], tag, head }
  }

  /** What was last heard; asks nobody. */
  async known(repository: Repository, subject: Digest): Promise<KnownReferrers | undefined> {
    const stored = await this.#stored(repository, subject)
    if (!stored) return undefined
    const tag = referrersTag(subject)
    const isByTag = (await this.#options.index.findTag(repository, tag)) !== undefined
    const { entries, fetchedAt } = stored
    return { referrers: entries, tag: isByTag ? tag : undefined, checkedAt: fetchedAt }
  }

  #list(
    repository: Repository,
    subject: Digest,
    ask: () => Promise<HeardList<ReferrerDescriptor>>,
  ): List<ReferrerDescriptor> {
    return {
      repository,
      kind: 'referrers',
      name: imageName(repository, { digest: subject }),
      stored: () => this.#stored(repository, subject),
      held: () => this.#held(repository, subject),
      ask,
      join: joined,
    }
  }

  async #stored(
    repository: Repository,
    subject: Digest,
  ): Promise<StoredList<ReferrerDescriptor> | undefined> {
    const stored = await this.#options.index.findReferrers(repository, subject)
    if (!stored) return undefined
    const entries = JSON.parse(stored.descriptors) as ReferrerDescriptor[]
    return { entries, fetchedAt: stored.fetchedAt }
  }

  async #ask(repository: Repository, subject: Digest): Promise<HeardList<ReferrerDescriptor>> {
    const upstream = this.#options.upstreams.registry(repository.registry)
    const listed =
      (await upstream.listReferrers(repository.name, subject)) ??
      (await this.#listByTag(repository, subject))
    return this.#heard(repository, subject, listed)
  }

  #heard(
    repository: Repository,
    subject: Digest,
    listed: ReferrerList,
  ): HeardList<ReferrerDescriptor> {
    const { index, upstreams } = this.#options
    const opens = openedBy('hearsay', listed, upstreams.registry(repository.registry).hasLogin)
    const store = async ({ entries, fetchedAt }: StoredList<ReferrerDescriptor>): Promise<void> => {
      if (entries.length === 0 && !(await this.#isKnown(repository, subject))) return
      const descriptors = JSON.stringify(entries)
      await index.recordReferrers(repository, subject, { descriptors, fetchedAt, opens })
    }
    return { entries: listed.descriptors, isOrigin: listed.isOrigin, store }
  }

  /** Of made-up subjects registries say that nothing refers to them: that is not worth a row. */
  async #isKnown(repository: Repository, subject: Digest): Promise<boolean> {
    const { index, manifests } = this.#options
    const isHeld = (await manifests.held(repository, subject)) !== undefined
    return isHeld || (await index.findReferrers(repository, subject)) !== undefined
  }

  /** Whom to believe of a tag is decided elsewhere, and whether a login was needed noted there. */
  async #listByTag(repository: Repository, subject: Digest): Promise<ReferrerList> {
    const tagged = await this.#options.manifestOfTag(repository, referrersTag(subject))
    if (tagged?.staleBecause) {
      const { message, publicMessage } = tagged.staleBecause
      throw new UpstreamError('unreachable', message, { publicMessage })
    }
    return { descriptors: listedIn(tagged), ...BY_TAG }
  }

  /** Without a list where that is not held: one HEAD tells only that there is one. */
  async #listedByTag(
    repository: Repository,
    subject: Digest,
    said: TagHead | undefined,
  ): Promise<ListedByTag> {
    const tag = referrersTag(subject)
    const head = said ?? (await this.#options.headOfTag(repository, tag))
    if (!head) return { tag: undefined, head, list: { descriptors: [], ...BY_TAG } }
    const held = head.digest && (await this.#options.manifests.held(repository, head.digest))
    return { tag, head, list: held && { descriptors: listedIn(held.manifest), ...BY_TAG } }
  }

  /** Of a subject that is held something is known, and be it that nothing is held that refers to it. */
  async #held(
    repository: Repository,
    subject: Digest,
  ): Promise<readonly ReferrerDescriptor[] | undefined> {
    const { index, manifests } = this.#options
    const referring = (await index.knownReferrers(repository, subject)).map(referrerOf)
    const tag = await index.findTag(repository, referrersTag(subject))
    const tagged = tag && (await manifests.held(repository, tag.digest))
    const held = joined(listedIn(tagged?.manifest), referring)
    if (held.length > 0 || (await manifests.held(repository, subject))) return held
    return undefined
  }
}

interface ListedByTag {
  readonly tag: Tag | undefined
  readonly head: TagHead | undefined
  readonly list: ReferrerList | undefined
}

const BY_TAG = { isOrigin: true, isAnonymous: true } as const

const NONE: ReferrersAnswer = { entries: [], how: 'miss', staleBecause: undefined }

const REFUSALS: ReadonlySet<string> = new Set(['not-visible', 'unauthorized', 'offline'])

/** Never a 404: clients would take that for an API that is missing. */
function unavailable(error: Error): Error {
  const isMarked = error instanceof UpstreamError || error instanceof IntegrityError
  return isMarked && !REFUSALS.has(error.kind)
    ? error
    : new RequestError('UNAVAILABLE', reasonOf(error).publicMessage)
}

function listedIn(
  tagged: Pick<TaggedManifest, 'mediaType' | 'bytes'> | undefined,
): readonly ReferrerDescriptor[] {
  if (tagged?.bytes === undefined || tagged.mediaType !== OCI_INDEX) return []
  return parseReferrers(Buffer.from(tagged.bytes).toString()) ?? []
}

function joined(
  first: readonly ReferrerDescriptor[],
  second: readonly ReferrerDescriptor[],
): readonly ReferrerDescriptor[] {
  const names = new Set(first.map(({ digest }) => digest))
  return [...first, ...second.filter(({ digest }) => !names.has(digest))]
}
