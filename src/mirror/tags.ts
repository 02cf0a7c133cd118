// What a tag points to: from the index while it is fresh, from upstream by HEAD else, and what was
// last known where upstream does not answer.

import { plainReason, reasonOf, UpstreamError } from '../errors.ts'
import type { Reason } from '../errors.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { within } from '../lib/within.ts'
import type { Digest } from '../oci/digest.ts'
import { isManifestType } from '../oci/media-type.ts'
import { imageName } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import type { Index, TagRow } from '../store/index-port.ts'
import type { Asking, ManifestHead, Provenance, Upstreams } from '../upstream/upstream.ts'
import type { MirrorEvents } from './events.ts'
import { freshness } from './freshness.ts'
import type { Manifests } from './manifests.ts'
import { Misses } from './misses.ts'
import { openedBy } from './opening.ts'
import type { TagHead } from './warm-port.ts'

/** A tag that upstream does not have is not asked for again within this. */
const MISSING_TAG_MS = 30_000

export interface ResolvedTag {
  readonly digest: Digest
  readonly mediaType: string | undefined
  readonly sizeBytes: number | undefined
  /** Why this may be out of date, in a sentence; undefined when it is not. */
  readonly staleBecause: Reason | undefined
  /** A digest known to be whole, for when the one above cannot be had. */
  readonly completeDigest: Digest | undefined
  /** Whether upstream was asked for this answer. */
  readonly asked: boolean
  /** Until when it is answered with nobody asked, unless the index changes; undefined: it is not. */
  readonly freshUntil: number | undefined
}

export interface TagsOptions {
  readonly index: Index
  readonly upstreams: Upstreams
  readonly manifests: Manifests
  readonly events: MirrorEvents
  readonly ttlMs: (repository: Repository, tag: Tag) => number
  readonly offline: boolean
  /** A known tag is answered as it was once upstream has taken this long. */
  readonly staleAfterMs: number
  readonly now: () => number
}

/** What upstream said that a tag points to. */
interface Found extends Provenance {
  readonly digest: Digest
  readonly mediaType: string | undefined
  readonly sizeBytes: number | undefined
}

export class Tags {
  readonly #options: TagsOptions
  readonly #refreshing = new SingleFlight<TagRow | undefined>()
  readonly #heading = new SingleFlight<ManifestHead | undefined>()
  readonly #missing: Misses

  constructor(options: TagsOptions) {
    this.#options = options
    this.#missing = new Misses(MISSING_TAG_MS, options.now)
  }

  /** Undefined when there is no such tag. Throws UpstreamError where nothing is known and asking fails. */
  async resolve(repository: Repository, tag: Tag): Promise<ResolvedTag | undefined> {
    const { index, ttlMs, offline, now } = this.#options
    const row = await index.findTag(repository, tag)
    const tagTtlMs = ttlMs(repository, tag)
    const word = freshness(row?.checkedAt, now(), tagTtlMs, offline)
    if (row === undefined || word === 'absent') {
      if (offline || this.#missing.has(imageName(repository, { tag }))) return undefined
      const found = await this.#refresh(repository, tag)
      return found && resolved(found, undefined, true)
    }
    switch (word) {
      case 'fresh':
        return { ...resolved(row, undefined, false), freshUntil: row.checkedAt + tagTtlMs }
      case 'stale':
        return await this.#lastKnown(row, plainReason('the mirror is offline'))
      case 'revalidate':
        return await this.#revalidate(repository, tag, row)
    }
  }

  async #revalidate(
    repository: Repository,
    tag: Tag,
    row: TagRow,
  ): Promise<ResolvedTag | undefined> {
    try {
      const found = await within(this.#options.staleAfterMs, this.#refresh(repository, tag))
      if (found === 'slow')
        return await this.#lastKnown(row, plainReason('upstream is slow to answer'))
      return found && resolved(found, undefined, true)
    } catch (error) {
      const reason = reasonOf(error)
      if (!(error instanceof UpstreamError))
        this.#options.events.unrefreshed(repository, tag, reason.message)
      return await this.#lastKnown(row, reason)
    }
  }

  /**
   * For when the digest that a HEAD named cannot be had: the tag has moved since, or the registry's
   * header is not the digest of what it serves. The bytes tell.
   */
  async refetch(repository: Repository, tag: Tag): Promise<Digest | undefined> {
    const { index, manifests } = this.#options
    const row = await index.findTag(repository, tag)
    const found = await this.#newest(row, (asking) => manifests.fetchTag(repository, tag, asking))
    const since = await index.findTag(repository, tag)
    // Whoever saw it move meanwhile asked later than this, whose answer was slow.
    const hasMoved = since !== undefined && since.digest !== row?.digest
    if (found && !hasMoved) await this.#move(repository, tag, found)
    return found?.digest
  }

  /**
   * What a HEAD says, for whoever would not have a GET spent on it: where it names no digest, or no such
   * tag, what is known stays as it is.
   */
  async head(repository: Repository, tag: Tag): Promise<TagHead | undefined> {
    const row = await this.#options.index.findTag(repository, tag)
    const head = await this.#newest(row, (asking) =>
      this.#head(repository, tag, { ...asking, headOnly: true }),
    )
    if (!head) return undefined
    const { digest, mediaType, sizeBytes } = head
    if (digest) await this.#note(repository, tag, { ...head, digest })
    return { digest, mediaType, sizeBytes }
  }

  /**
   * Nobody fetches what was only looked at: while an older image has more, pulls ask for themselves, and
   * find that one where upstream is gone.
   */
  async #note(repository: Repository, tag: Tag, found: Found): Promise<void> {
    const { ttlMs, now } = this.#options
    const row = await this.#move(repository, tag, found)
    const isBehind = (await this.#wholeBefore(row)) !== undefined
    if (isBehind) await this.#move(repository, tag, found, now() - ttlMs(repository, tag))
  }

  /** One HEAD, however many ask; a GET only where the registry's HEAD names no digest. */
  #refresh(repository: Repository, tag: Tag): Promise<TagRow | undefined> {
    return this.#refreshing.run(imageName(repository, { tag }), async () => {
      const { index } = this.#options
      const row = await index.findTag(repository, tag)
      const found =
        (await this.#newest(row, (asking) => this.#lookUp(repository, tag, asking))) ??
        (row && (await this.#afterAll(repository, tag)))
      if (found) return await this.#move(repository, tag, found)
      await index.forgetTag(repository, tag)
      this.#missing.add(imageName(repository, { tag }))
      return undefined
    })
  }

  /**
   * A 404 without a body may be an ingress whose registry restarts, and what was there is not forgotten
   * for that: the answer to a GET tells whose word it is.
   */
  async #afterAll(repository: Repository, tag: Tag): Promise<Found | undefined> {
    return await this.#options.manifests.fetchTag(repository, tag, { originOnly: true })
  }

  async #lookUp(repository: Repository, tag: Tag, asking: Asking): Promise<Found | undefined> {
    const head = await this.#head(repository, tag, asking)
    if (!head) return undefined
    const { digest } = head
    if (digest) return { ...head, digest }
    return await this.#options.manifests.fetchTag(repository, tag, asking)
  }

  #head(repository: Repository, tag: Tag, asking: Asking): Promise<ManifestHead | undefined> {
    const upstream = this.#options.upstreams.registry(repository.registry)
    const whom = asking.originOnly ? 'origin' : 'any'
    return this.#heading.run(`${imageName(repository, { tag })} ${whom}`, () =>
      upstream.headManifest(repository.name, { tag }, asking),
    )
  }

  /**
   * What the tag points to. A public mirror may lag behind the registry that it copies, so where it
   * says something new the origin decides, and where that cannot be asked the tag stays: it may be what
   * was there before this mirror first saw it.
   */
  async #newest<Heard extends Provenance & { readonly digest: Digest | undefined }>(
    row: TagRow | undefined,
    ask: (asking: Asking) => Promise<Heard | undefined>,
  ): Promise<Heard | undefined> {
    const found = await ask({})
    if (!row || !found || found.isOrigin || found.digest === row.digest) return found
    return await ask({ originOnly: true })
  }

  async #move(
    repository: Repository,
    tag: Tag,
    found: Found,
    checkedAt = this.#options.now(),
  ): Promise<TagRow> {
    const { index, upstreams } = this.#options
    const { digest, mediaType, sizeBytes } = found
    const given = mediaType !== undefined && isManifestType(mediaType) ? 'manifest' : 'hearsay'
    const { hasLogin } = upstreams.registry(repository.registry)
    const opens = openedBy(given, found, hasLogin)
    const to = { digest, mediaType, sizeBytes, checkedAt }
    const moved = await index.moveTag(repository, tag, { ...to, opens })
    // Where it could not be written, what it was before is still there.
    const row = moved ?? (await index.findTag(repository, tag))
    return row?.digest === digest ? row : { ...to, completeDigest: undefined }
  }

  /**
   * Without upstream, what can be pulled whole counts: the last complete digest, unless the one last
   * seen is whole for at least the same platforms.
   */
  async #lastKnown(row: TagRow, because: Reason): Promise<ResolvedTag> {
    const digest = await this.#wholeBefore(row)
    if (digest === undefined) return resolved(row, because, true)
    const complete = { digest, mediaType: undefined, sizeBytes: undefined }
    return resolved({ ...row, ...complete }, because, true)
  }

  /** What it pointed to last that is whole for a platform for which the one last seen is not. */
  async #wholeBefore({ digest, completeDigest }: TagRow): Promise<Digest | undefined> {
    const { index } = this.#options
    if (completeDigest === undefined) return undefined
    const newer = await index.wholePlatforms(digest)
    const older = await index.wholePlatforms(completeDigest)
    return older.every((platform) => newer.includes(platform)) ? undefined : completeDigest
  }
}

function resolved(row: TagRow, staleBecause: Reason | undefined, asked: boolean): ResolvedTag {
  const { digest, mediaType, sizeBytes, completeDigest } = row
  const told = { digest, mediaType, sizeBytes, completeDigest, staleBecause, asked }
  return { ...told, freshUntil: undefined }
}
