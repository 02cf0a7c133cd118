// The one place that answers for a registry: what a manifest or blob request gets.

import type { Room } from '../care/room-port.ts'
import { IntegrityError, plainReason, reasonOf, RequestError } from '../errors.ts'
import type { Reason } from '../errors.ts'
import type { Access } from '../list/access.ts'
import type { Digest } from '../oci/digest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { imageName } from '../oci/name.ts'
import type { Reference, Repository, Tag } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { RegistryStatus, Upstreams } from '../upstream/upstream.ts'
import type { BlobAnswer } from './blob-answer.ts'
import { Blobs } from './blobs.ts'
import type { BlobsOptions, WantedOfBlob } from './blobs.ts'
import { catalogNames, catalogPlaces } from './catalog.ts'
import type { CatalogNames, CatalogPage } from './catalog.ts'
import { countedUpstreams } from './counted-upstreams.ts'
import { Counts } from './counts.ts'
import type { AnsweredHow } from './counts.ts'
import { denialOf } from './denial.ts'
import type { MirrorEvents } from './events.ts'
import { forgivingIndex } from './forgiving-index.ts'
import { tagTtl } from './freshness.ts'
import type { TagTtl } from './freshness.ts'
import { inTime } from './in-time.ts'
import { lasting } from './lasting.ts'
import type { LastingOptions } from './lasting.ts'
import { Manifests } from './manifests.ts'
import type { FoundManifest } from './manifests.ts'
import { Pace } from './pace.ts'
import type { Wanted } from './probe.ts'
import { Referrers, REFERRERS_FRESH_MS } from './referrers.ts'
import type { ReferrersAnswer } from './referrers.ts'
import { SharedContent } from './shared-content.ts'
import { TagLists } from './tag-lists.ts'
import type { TagListAnswer } from './tag-lists.ts'
import { Tags } from './tags.ts'
import type { ResolvedTag } from './tags.ts'
import { resolvePlace, resolveTarget } from './target.ts'
import { Uses } from './uses.ts'
import { Visibility } from './visibility.ts'
import type { RegistryLogin, VisibilityOptions } from './visibility.ts'
import type { WarmMirror } from './warm-port.ts'
import { warming } from './warming.ts'
import type { Address, Addressing, Asked, Place, Target } from './target.ts'

interface RegistrySettings extends RegistryLogin {
  /** Over how many connections one download may come; default: 1. */
  readonly segments?: number
}

export interface MirrorOptions
  extends Omit<BlobsOptions, 'uses' | 'shared' | 'pace' | 'segmentsOf'>, VisibilityOptions {
  readonly registries: ReadonlyMap<string, RegistrySettings>
  readonly addressing: Addressing
  readonly tagTtl: TagTtl
  /** What the operator's lists let anybody have; undefined: there are none. */
  readonly access?: Access | undefined
  /** Whether `catalog` answers at all. */
  readonly catalog: boolean
}

export interface ManifestAnswer {
  readonly digest: Digest
  readonly mediaType: string
  readonly sizeBytes: number
  /** Undefined where only the head was wanted. */
  readonly bytes: Uint8Array | undefined
  /** `revalidated`: upstream was asked by HEAD and what it named was held. */
  readonly how: 'hit' | 'revalidated' | 'miss' | 'stale'
  /** Why this may be out of date, in a sentence. */
  readonly staleBecause: Reason | undefined
  /** Until when it is answered with nobody asked, unless the index changes; undefined: it is not. */
  readonly freshUntil: number | undefined
}

/** For giving the same answer to others at once. */
export interface Again {
  /** Whether they would be answered the same now, and nobody asked. */
  readonly lasts: () => boolean
  /** To be called when another was answered. */
  readonly noteUse: () => void
}

export class Mirror {
  readonly #addressing: Addressing
  readonly #access: Access | undefined
  readonly #upstreams: Upstreams
  readonly #visibility: Visibility
  readonly #manifests: Manifests
  readonly #tags: Tags
  readonly #tagLists: TagLists
  readonly #referrers: Referrers
  readonly #blobs: Blobs
  readonly #index: Index
  readonly #hasCatalog: boolean
  readonly #pace = new Pace()
  readonly #room: Room
  readonly #uses: Uses
  readonly #counts: Counts
  readonly #events: MirrorEvents
  readonly #lasting: LastingOptions

  constructor(given: MirrorOptions) {
    const index = forgivingIndex(given.index, given.events, given.now)
    const counts = new Counts(index, given.now)
    const upstreams = countedUpstreams(given.upstreams, counts)
    const options = { ...given, index, upstreams }
    this.#lasting = options
    this.#counts = counts
    this.#addressing = options.addressing
    this.#access = options.access
    this.#upstreams = options.upstreams
    this.#visibility = new Visibility(options)
    this.#events = options.events
    this.#uses = new Uses(options.index, options.now)
    const shared = new SharedContent(options.index, (each) => this.#visibility.isAllowed(each))
    this.#manifests = new Manifests({ ...options, uses: this.#uses, shared })
    this.#tags = new Tags({
      ...options,
      manifests: this.#manifests,
      ttlMs: tagTtl(options.tagTtl),
    })
    const { movingMs } = options.tagTtl
    this.#tagLists = new TagLists({ ...options, ttlMs: movingMs })
    this.#referrers = new Referrers({
      ...options,
      // A list out of an index that forgives could lack a signature, and nobody would know.
      index: given.index,
      manifests: this.#manifests,
      manifestOfTag: (repository, tag) => this.#manifestFor(repository, { tag }, 'bytes'),
      headOfTag: (repository, tag) => this.#tags.head(repository, tag),
      // Who wants to hear of every tag that moves wants to hear of every signature.
      ttlMs: movingMs === 0 ? 0 : REFERRERS_FRESH_MS,
    })
    this.#index = options.index
    this.#room = options.room
    this.#hasCatalog = options.catalog
    this.#blobs = new Blobs({
      ...options,
      uses: this.#uses,
      shared,
      pace: this.#pace,
      segmentsOf: (registry) => options.registries.get(registry)?.segments ?? 1,
    })
  }

  /** Which repository of which registry a client means. */
  target(asked: Asked): Target {
    return resolveTarget(asked, this.#addressing)
  }

  /** Which registry a client means that names no repository. */
  place(address: Address): Place {
    return resolvePlace(address, this.#addressing)
  }

  /**
   * Undefined when there is no such manifest. Throws UpstreamError where that cannot be told, and, as
   * the others do, RequestError where the repository is not for everybody.
   */
  async manifest(
    repository: Repository,
    reference: Reference,
    want: 'head' | 'bytes',
  ): Promise<(ManifestAnswer & { readonly again: Again | undefined }) | undefined> {
    // Before anything is looked up: what changes from here on is not in the answer.
    const changes = this.#index.changes()
    const since = this.#lasting.now()
    const found = await this.#manifestFor(repository, reference, want)
    if (!found) return undefined
    if ('tag' in reference) this.#uses.noteTag(repository, reference.tag)
    const { freshUntil } = found
    if (freshUntil === undefined) return { ...found, again: undefined }
    const tag = 'tag' in reference ? reference.tag : undefined
    const answered = { repository, tag, changes, since, freshUntil }
    const lasts = await lasting(answered, this.#visibility, this.#lasting)
    const noteUse = (): void => {
      // Whoever only looks at a tag has not used what it points to.
      if (tag === undefined || want === 'bytes') this.#uses.note(found.digest)
      if (tag !== undefined) this.#uses.noteTag(repository, tag)
    }
    return { ...found, again: lasts && { lasts, noteUse } }
  }

  async #manifestFor(
    repository: Repository,
    reference: Reference,
    want: 'head' | 'bytes',
  ): Promise<ManifestAnswer | undefined> {
    const found = this.#answer(repository, { kind: 'manifest', reference }, () =>
      this.#findManifest(repository, reference, want),
    )
    return await inTime(imageName(repository, reference), found)
  }

  async #findManifest(
    repository: Repository,
    reference: Reference,
    want: 'head' | 'bytes',
  ): Promise<ManifestAnswer | undefined> {
    if ('digest' in reference) {
      const found = await this.#manifests.find(repository, reference.digest)
      return found && answer(found, undefined)
    }
    const tag = await this.#tags.resolve(repository, reference.tag)
    if (!tag) return undefined
    // Watchers that only ever HEAD a tag must not cost a pull each time it moves.
    const head = want === 'head' ? await this.#head(repository, tag) : undefined
    return head ?? (await this.#manifestOfTag(repository, reference.tag, tag))
  }

  /** What is held says better than upstream's headers what a GET will bring. */
  async #head(repository: Repository, tag: ResolvedTag): Promise<ManifestAnswer | undefined> {
    const held = await this.#manifests.held(repository, tag.digest)
    return held ? answer(held, tag) : headOf(tag)
  }

  async #manifestOfTag(
    repository: Repository,
    name: Tag,
    tag: ResolvedTag,
  ): Promise<ManifestAnswer | undefined> {
    let failure: Error | undefined
    try {
      const found = await this.#newest(repository, name, tag)
      if (found) return answer(found, tag)
    } catch (error) {
      failure = error as Error
    }
    const complete = tag.completeDigest
      ? await this.#manifests.find(repository, tag.completeDigest).catch(() => undefined)
      : undefined
    if (complete) {
      const because = failure ? reasonOf(failure) : plainReason('the newer one is not held')
      return answer(complete, { ...tag, staleBecause: tag.staleBecause ?? because })
    }
    if (failure) throw failure
    return undefined
  }

  async #newest(
    repository: Repository,
    name: Tag,
    tag: ResolvedTag,
  ): Promise<FoundManifest | undefined> {
    try {
      const found = await this.#manifests.find(repository, tag.digest)
      if (found || tag.staleBecause) return found
    } catch (error) {
      if (!(error instanceof IntegrityError)) throw error
    }
    const digest = await this.#tags.refetch(repository, name)
    if (digest && digest !== tag.digest) this.#events.misnamed(repository, name, tag.digest, digest)
    return digest && (await this.#manifests.find(repository, digest))
  }

  async blob(
    repository: Repository,
    digest: Digest,
    wanted: WantedOfBlob = 'whole',
  ): Promise<BlobAnswer | undefined> {
    const dismiss = (found: BlobAnswer | undefined): void => found?.dismiss()
    const found = this.#answer(
      repository,
      { kind: 'blob', digest },
      () => this.#blobs.open(repository, digest, wanted),
      dismiss,
    )
    return await inTime(imageName(repository, { digest }), found, { dismiss })
  }

  async blobSize(repository: Repository, digest: Digest): Promise<number | undefined> {
    const size = this.#answer(repository, { kind: 'blob', digest }, () =>
      this.#blobs.size(repository, digest),
    )
    return await inTime(imageName(repository, { digest }), size)
  }

  /** Undefined when there is no such repository. Throws UpstreamError where that cannot be told. */
  async tags(repository: Repository): Promise<TagListAnswer | undefined> {
    return await this.#answer(repository, { kind: 'tags' }, () => this.#tagLists.find(repository))
  }

  /** What is not there is not referred to; throws where that cannot be told. */
  async referrers(repository: Repository, subject: Digest): Promise<ReferrersAnswer> {
    return await this.#answer(repository, { kind: 'referrers', subject }, () =>
      this.#referrers.find(repository, subject),
    )
  }

  /** The names of what is held and may be read; undefined where this mirror is not to tell. */
  async catalog(
    registry: string | undefined,
    asked: CatalogPage,
  ): Promise<CatalogNames | undefined> {
    if (!this.#hasCatalog) return undefined
    return await catalogNames(catalogPlaces(registry, this.#addressing), asked, {
      held: (...page) => this.#index.heldRepositories(...page),
      isListed: (each) =>
        denialOf(this.#access, each, undefined) === undefined &&
        this.#visibility.isListed(each, each.isPublic),
    })
  }

  /** Throws RequestError where the operator's lists leave it out, whatever is held and with nobody asked. */
  async #answer<Found>(
    repository: Repository,
    wanted: Wanted,
    find: () => Promise<Found>,
    dismiss?: (found: Found) => void,
  ): Promise<Found> {
    const tag =
      wanted.kind === 'manifest' && 'tag' in wanted.reference ? wanted.reference.tag : undefined
    const denial = denialOf(this.#access, repository, tag)
    if (denial !== undefined) {
      throw new RequestError('DENIED', denial, { name: repository.name, ...(tag && { tag }) })
    }
    return await this.#visibility.answer(repository, wanted, find, dismiss)
  }

  /** Of the registries that were asked since the start, and of those with a login. */
  status(): readonly RegistryStatus[] {
    return this.#upstreams
      .all()
      .map((upstream) => upstream.status())
      .filter(
        ({ endpoints, login }) =>
          login !== 'none' || endpoints.some(({ state }) => state !== 'unused'),
      )
  }

  /** The index is told of every use so far: something is about to be chosen by last use. */
  async flushUses(): Promise<void> {
    await this.#uses.flush()
  }

  /** An answer was given to a client. A HEAD is a question, and not counted. */
  answered({ registry }: Repository, how: AnsweredHow): void {
    this.#counts.answered(registry, how)
  }

  /** Bytes of content were sent to a client. */
  sent({ registry }: Repository, bytes: number): void {
    this.#counts.sent(registry, bytes)
  }

  /** The index is told of everything that was counted so far: somebody is about to look. */
  async flushed(): Promise<void> {
    await Promise.all([this.#uses.flush(), this.#counts.flush()])
  }

  /** The same, for filling the store ahead of time. */
  get warming(): WarmMirror {
    return warming({
      addressing: this.#addressing,
      access: this.#access,
      upstreams: this.#upstreams,
      tags: this.#tags,
      tagLists: this.#tagLists,
      referrers: this.#referrers,
      manifests: this.#manifests,
      blobs: this.#blobs,
      visibility: this.#visibility,
      index: this.#index,
      uses: this.#uses,
      room: this.#room,
      pace: this.#pace,
    })
  }

  /** Whether content is being fetched to be stored. */
  get isDownloading(): boolean {
    return this.#blobs.isDownloading
  }

  /** Stops downloads and keeps what is there. */
  async close(): Promise<void> {
    await this.#blobs.parkAll()
    await Promise.all([this.#uses.close(), this.#counts.close()])
  }
}

/** Only what upstream just told, or what is fresh: the GET that follows must find the same. */
function headOf(tag: ResolvedTag): ManifestAnswer | undefined {
  const { digest, mediaType, sizeBytes, staleBecause, asked, freshUntil } = tag
  if (staleBecause || !sizeBytes || !mediaType || !isManifestType(mediaType)) {
    return undefined
  }
  const how = asked ? 'revalidated' : 'hit'
  return { digest, mediaType, sizeBytes, bytes: undefined, how, staleBecause, freshUntil }
}

function answer(found: FoundManifest, tag: ResolvedTag | undefined): ManifestAnswer {
  const { digest, mediaType, bytes } = found.manifest
  const staleBecause = tag?.staleBecause
  const served = staleBecause
    ? 'stale'
    : found.how === 'hit' && tag?.asked
      ? 'revalidated'
      : found.how
  const freshUntil = served === 'hit' ? (tag ? tag.freshUntil : Infinity) : undefined
  const told = { digest, mediaType, sizeBytes: bytes.byteLength, bytes }
  return { ...told, how: served, staleBecause, freshUntil }
}
