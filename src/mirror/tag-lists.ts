// The tags of a repository: what upstream lists, and the tags that were pulled where it does not answer.

import { UpstreamError } from '../errors.ts'
import { repositoryKey } from '../oci/name.ts'
import type { Repository } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import type { Upstreams } from '../upstream/upstream.ts'
import { Lists } from './lists.ts'
import type { HeardList, ListAnswer, ListsOptions, StoredList } from './lists.ts'
import { Misses } from './misses.ts'
import { openedBy } from './opening.ts'
import type { ListedTags } from './warm-port.ts'

/** A repository that upstream does not have is not asked for again within this. */
const MISSING_REPOSITORY_MS = 30_000

/** In byte order. */
export type TagListAnswer = ListAnswer<string>

export interface TagListsOptions extends ListsOptions {
  readonly index: Index
  readonly upstreams: Upstreams
}

export class TagLists {
  readonly #options: TagListsOptions
  readonly #lists: Lists<string>
  readonly #missing: Misses

  constructor(options: TagListsOptions) {
    this.#options = options
    this.#lists = new Lists(options)
    this.#missing = new Misses(MISSING_REPOSITORY_MS, options.now)
  }

  /** Undefined when there is no such repository. Throws UpstreamError where that cannot be told. */
  async find(repository: Repository): Promise<TagListAnswer | undefined> {
    return await this.#lists.find({
      repository,
      kind: 'tags',
      name: repositoryKey(repository),
      stored: () => this.#stored(repository),
      held: () => this.#pulled(repository),
      ask: () => this.#ask(repository),
      join: (first, second) => [...new Set([...first, ...second])].toSorted(),
    })
  }

  /** Upstream's own list, asked now; undefined where there is no such repository, or no list of it. */
  async current(repository: Repository): Promise<ListedTags | undefined> {
    const { index, upstreams, events, now } = this.#options
    const upstream = upstreams.registry(repository.registry)
    const listed = await upstream.listTags(repository.name)
    if (listed === undefined || listed === 'no-list') return undefined
    const { tags, isCut, isOrigin } = listed
    if (isCut) events.listCut(repository, tags.length)
    const opens = openedBy('hearsay', listed, upstream.hasLogin)
    // Who copies the origin may lag, and no stored list moves backwards.
    if (isOrigin) await index.recordTagList(repository, { tags, fetchedAt: now(), opens })
    return { tags, isCut }
  }

  async #stored(repository: Repository): Promise<StoredList<string> | undefined> {
    const list = await this.#options.index.findTagList(repository)
    return list && { entries: list.tags, fetchedAt: list.fetchedAt }
  }

  async #pulled(repository: Repository): Promise<readonly string[] | undefined> {
    const tags = await this.#options.index.knownTags(repository)
    return tags.length > 0 ? tags : undefined
  }

  async #ask(repository: Repository): Promise<HeardList<string> | undefined> {
    const { index, upstreams, events } = this.#options
    const key = repositoryKey(repository)
    if (this.#missing.has(key)) return undefined
    const upstream = upstreams.registry(repository.registry)
    const listed = await upstream.listTags(repository.name)
    if (listed === 'no-list' && (await this.#isKnown(repository))) {
      throw new UpstreamError('bad-response', `upstream keeps no list of the tags of ${key}`)
    }
    if (listed === undefined || listed === 'no-list') {
      this.#missing.add(key)
      return undefined
    }
    const { tags, isCut, isOrigin } = listed
    const opens = openedBy('hearsay', listed, upstream.hasLogin)
    if (isCut) events.listCut(repository, tags.length)
    const store = ({ entries, fetchedAt }: StoredList<string>): Promise<void> =>
      index.recordTagList(repository, { tags: entries, fetchedAt, opens })
    return { entries: tags, isOrigin, store }
  }

  /**
   * Some registries keep no list of a repository that is there. A tag that upstream says is gone is
   * forgotten, so tags that are left were there when last asked for. Where the answer is that the
   * repository is unknown, as the OCI errors document says it, that counts, whatever was pulled.
   */
  async #isKnown(repository: Repository): Promise<boolean> {
    return [await this.#stored(repository), await this.#pulled(repository)].some(Boolean)
  }
}
