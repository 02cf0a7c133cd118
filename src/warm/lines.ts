// What each line of the lists stands for: pure where the line says it all, else asked of upstream and
// of what clients used.

import type { WarmLine } from '../care/warm-job.ts'
import { usedWithinMs } from '../list/bare.ts'
import type { ChosenBy, ListEntry } from '../list/list-entry.ts'
import { isNamePattern } from '../list/name-pattern.ts'
import { selectTags, tagListNeed } from '../list/select-tags.ts'
import type { Chosen, Selection, TagRules } from '../list/select-tags.ts'
import type { ListedTags } from '../mirror/warm-port.ts'
import { parseRepositoryName, repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { whyOf } from './causes.ts'
import type { Why } from './causes.ts'
import type { RunContext } from './context.ts'
import { listsNoTags, noMatch, tooManyMatch } from './lacks.ts'
import { tally } from './line-drops.ts'
import * as notes from './line-notes.ts'
import type { WantedList } from './list-rules.ts'
import type { Lookups } from './lookups.ts'
import { commonOf, digestImage, hostOf, lineName, tagImage } from './wanted.ts'
import type { Common, Wanted } from './wanted.ts'

const LATEST = 'latest' as Tag

export interface LineImage {
  readonly wanted: Wanted
  readonly by: ChosenBy
  /** What is worth a warning with the image itself. */
  readonly note: string | undefined
}

export interface LinePlan {
  readonly entry: ListEntry
  /** Of its list, where that keeps what it means. */
  readonly path: string | undefined
  /** `docker.io/library/redis:7.*` */
  readonly name: string
  /** Without the tags; as typed where it means no repository that is served. */
  readonly called: string
  readonly registry: string
  /** Also of one that the operator's lists leave out. Undefined: none is known, or, with `*`, more than one. */
  readonly repository: Repository | undefined
  readonly listed: number | undefined
  readonly images: readonly LineImage[]
  readonly dropped: WarmLine['dropped']
  /** What is lacking, whether or not there are images; an optional line may lack what does not exist. */
  readonly why: Why | undefined
  /** Which tags it means could not be told. */
  readonly isUnsure: boolean
}

export interface LinesOptions {
  readonly context: RunContext
  readonly lookups: Lookups
  /** Of the command. */
  readonly platforms: readonly string[]
}

/** What upstream lists for a line; `error`: it could not be told. */
interface Listing {
  readonly found: ListedTags | undefined
  readonly error: unknown
}

const NOT_LISTED: Listing = { found: undefined, error: undefined }

export class Lines {
  readonly #options: LinesOptions

  constructor(options: LinesOptions) {
    this.#options = options
  }

  async of(entry: ListEntry, list: WantedList): Promise<LinePlan> {
    const name = list.rules.unaliased(entry.name)
    if (isNamePattern(name)) return await this.#ofUsed(entry, list, name)
    const repository = this.#options.context.mirror.repository(name)
    if ('refused' in repository) return this.#refused(entry, list, name, repository.refused)
    return await this.#ofRepository(entry, list, repository)
  }

  async #ofRepository(
    entry: ListEntry,
    list: WantedList,
    repository: Repository,
  ): Promise<LinePlan> {
    const common = this.#commonOf(entry, list, repository)
    const { found, error } = await this.#listing(entry, common)
    const isListed = found !== undefined || error !== undefined
    const selection = selectTags(
      entry,
      {
        listed: isListed ? (found?.tags ?? []) : undefined,
        used: await this.#used(entry, repository),
      },
      this.#rulesOf(entry, list, repository),
    )
    const name = lineName(repository, entry.selectors)
    this.#tell(name, entry, selection, found)
    return {
      ...{ entry, path: list.path, name, called: repositoryKey(repository), repository },
      registry: repository.registry,
      listed: found?.tags.length,
      images: selection.chosen.map((chosen) => imageOf(chosen, common, found)),
      dropped: tally(selection.dropped),
      why: this.#why(entry, repository, selection, { found, error }),
      isUnsure: error !== undefined,
    }
  }

  /** Nobody lists the repositories of a registry: those that clients used are what can be told. */
  async #ofUsed(entry: ListEntry, list: WantedList, name: string): Promise<LinePlan> {
    const { mirror, now, board } = this.#options.context
    const repositories = await mirror.usedRepositories(name, now() - (usedWithinMs(entry) ?? 0))
    if ('refused' in repositories) return this.#refused(entry, list, name, repositories.refused)
    const each = await Promise.all(
      repositories.map((repository) => this.#ofRepository(entry, list, repository)),
    )
    const images = each.flatMap((line) => line.images)
    board.notice(notes.onlyUsed(entry.name, images.length, repositories.length))
    return {
      ...{ entry, path: list.path, name: entry.name, called: entry.name, registry: hostOf(name) },
      ...{ repository: undefined, listed: undefined, images, dropped: [] },
      ...{ why: undefined, isUnsure: false },
    }
  }

  /** It may be served again by the next run: what its list keeps of it has not left. */
  #refused(entry: ListEntry, { path }: WantedList, name: string, because: string): LinePlan {
    return {
      ...{ entry, path, name: lineName(entry.name, entry.selectors), called: entry.name },
      ...{ registry: hostOf(entry.name), repository: this.#repositoryCalled(name) },
      ...{ listed: undefined, images: [], dropped: [], isUnsure: true },
      why: { cause: 'not-served', because, remedy: undefined },
    }
  }

  #repositoryCalled(typed: string): Repository | undefined {
    const canonical = this.#options.context.mirror.canonicalName(typed)
    if ('refused' in canonical) return undefined
    const name = parseRepositoryName(canonical.name)
    return name && { registry: canonical.registry, name }
  }

  #commonOf(entry: ListEntry, { path }: WantedList, repository: Repository): Common {
    const { platforms } = this.#options
    return commonOf(entry, repository, { path, platforms })
  }

  /** What the operator's lists leave out is passed over, unless the line names it. */
  #rulesOf({ selectors }: ListEntry, { rules }: WantedList, repository: Repository): TagRules {
    const { mirror } = this.#options.context
    const written = new Set(selectors.flatMap((each) => (each.kind === 'tag' ? [each.tag] : [])))
    const { isExcluded, isBlocked } = rules.of(repository)
    const isDenied = (tag: Tag): boolean =>
      !written.has(tag) && mirror.denial(repository, tag) !== undefined
    return {
      isExcluded,
      isBlocked: (tag) => isBlocked(tag) || (tag !== undefined && isDenied(tag)),
    }
  }

  async #listing(entry: ListEntry, common: Common): Promise<Listing> {
    const need = tagListNeed(entry)
    if (need === 'never') return NOT_LISTED
    const { repository } = common
    if (need === 'without-latest' && (await this.#mayHaveLatest(common))) return NOT_LISTED
    try {
      const found = await this.#options.lookups.list(repository)
      if (!found) throw listsNoTags(repository, need === 'without-latest')
      return { found, error: undefined }
    } catch (error) {
      return { found: undefined, error }
    }
  }

  /** What cannot be told is told of the image itself. */
  async #mayHaveLatest(common: Common): Promise<boolean> {
    const { lookups } = this.#options
    if ((await lookups.knownWhole(common, LATEST)) !== undefined) return true
    const looked = lookups.head(common.repository, LATEST)
    return await looked.then(({ head }) => head !== undefined).catch(() => true)
  }

  async #used(entry: ListEntry, repository: Repository): Promise<readonly Tag[]> {
    const withinMs = usedWithinMs(entry)
    if (withinMs === undefined) return []
    const { mirror, now } = this.#options.context
    return await mirror.usedTags(repository, now() - withinMs)
  }

  #tell(name: string, entry: ListEntry, selection: Selection, found: ListedTags | undefined): void {
    const { board } = this.#options.context
    if (found?.isCut) board.notice(`${name}: ${notes.onlyTheFirst(found.tags.length)}`)
    for (const text of notes.ofSelection(entry, selection)) board.notice(`${name}: ${text}`)
  }

  #why(
    entry: ListEntry,
    repository: Repository,
    selection: Selection,
    { found, error }: Listing,
  ): Why | undefined {
    const { by, because = '' } = this.#options.context.ending
    if (error !== undefined) {
      if (by !== undefined) return { cause: by, because, remedy: undefined }
      return whyOf(error, repository.registry)
    }
    const { excess, shortage, dropped } = selection
    if (excess) return tooManyMatch(excess)
    if (!shortage) return undefined
    const listed = found?.tags.length
    const isCut = found?.isCut ?? false
    const meansLatest = tagListNeed(entry) === 'without-latest'
    return noMatch({ shortage, listed, isCut, meansLatest, dropped: tally(dropped) })
  }
}

function imageOf(
  { tag, digest, by }: Chosen,
  line: Common,
  found: ListedTags | undefined,
): LineImage {
  const isUsed = by === 'used'
  const common = isUsed ? { ...line, isOptional: true, isOnlyUsed: true } : line
  if (tag !== undefined) {
    return { wanted: tagImage(tag, digest, common), by, note: notes.ofImage(by, found) }
  }
  if (digest === undefined) throw new Error('a line names neither a tag nor a digest')
  return { wanted: digestImage(digest, common), by, note: undefined }
}
