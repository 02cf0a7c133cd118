// What there is to do: one HEAD per tag, one list per repository with patterns, and what is held.
// Nothing is fetched.

import type { WarmResult } from '../care/warm-job.ts'
import type { TagHead } from '../mirror/warm-port.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { Lacking, whyOf } from './causes.ts'
import type { Why } from './causes.ts'
import { end, giveUp, registryOf, unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import { holdingOf, isWhole } from './holding.ts'
import type { Holding } from './holding.ts'
import { Image } from './image.ts'
import { lackingPlatforms } from './platforms.ts'
import { matchesOf, unite } from './wanted.ts'
import type { Unmet, Wanted, WantedAll, WantedPattern } from './wanted.ts'

export interface Plan {
  readonly images: readonly Image[]
  /** Of lines that stand for no image at all. */
  readonly unmet: readonly WarmResult[]
}

export async function planOf(context: RunContext, wanted: WantedAll): Promise<Plan> {
  return await new Planning(context).plan(wanted)
}

class Planning {
  readonly #context: RunContext
  readonly #heads = new Map<string, Promise<TagHead | undefined>>()
  readonly #lists = new Map<string, Promise<readonly string[] | undefined>>()
  readonly #unmet: WarmResult[] = []

  constructor(context: RunContext) {
    this.#context = context
  }

  async plan({ images, patterns, refused }: WantedAll): Promise<Plan> {
    for (const each of refused) {
      const { because } = each
      this.#isUnmet(each, { cause: 'not-served', because, remedy: undefined })
    }
    const matched = await Promise.all(patterns.map((pattern) => this.#match(pattern)))
    const all = unite([...images, ...matched.flat()]).map((each) => new Image(each))
    this.#context.board.phase('planning', all.length)
    await Promise.all(all.map((image) => this.#look(image)))
    return { images: all.filter((image) => !this.#isForgiven(image)), unmet: this.#unmet }
  }

  async #match(pattern: WantedPattern): Promise<Wanted[]> {
    try {
      const listed = await this.#list(pattern.repository)
      if (!listed) {
        const because = `${pattern.registry} lists no tags of ${pattern.repository.name}`
        throw new Lacking('not-found', because, 'check the name, or write the tags out')
      }
      const matches = matchesOf(pattern, listed)
      if (matches.length > 0) return matches
      const because = `none of its ${listed.length} tags matches`
      throw new Lacking('no-match', because, 'check the pattern')
    } catch (error) {
      const { ending } = this.#context
      const { by, because = '' } = ending
      if (by !== undefined) this.#isUnmet(pattern, { cause: by, because, remedy: undefined })
      else this.#isUnmet(pattern, whyOf(error, pattern.registry))
      return []
    }
  }

  #list(repository: Repository): Promise<readonly string[] | undefined> {
    const { mirror, registries, ending } = this.#context
    return once(this.#lists, repositoryKey(repository), () =>
      registries
        .of(repository.registry)
        .ask('lists', () => unlessEnded(mirror.tags(repository), ending.signal), ending.signal),
    )
  }

  async #look(image: Image): Promise<void> {
    try {
      await this.#ask(image)
      const holding = await this.#hold(image)
      image.status = 'stale'
      if (holding && isWhole(holding)) end(this.#context, image, 'fresh')
    } catch (error) {
      if (isMissing(error) && image.wanted.isOptional) return
      giveUp(this.#context, image, error)
    }
  }

  async #ask(image: Image): Promise<void> {
    const { repository, reference, pinned, name } = image.wanted
    image.digest = pinned
    if (!('tag' in reference)) return
    const { mirror } = this.#context
    const before = await mirror.knownTag(repository, reference.tag)
    const head = await this.#head(image, repository, reference.tag)
    if (!head && pinned === undefined) throw before ? goneTag(name) : noSuchTag(name)
    if (pinned === undefined) {
      image.digest = head?.digest
    } else if (head?.digest !== pinned) {
      const now = head ? `points to ${head.digest ?? 'something else'} now` : 'is gone'
      image.warnings.push(`the tag ${reference.tag} ${now}`)
    }
    if (head && (pinned === undefined || head.digest === pinned)) {
      image.mediaType = head.mediaType
      image.sizeBytes = head.sizeBytes
    }
    if (before === undefined || before === image.digest) return
    const top = { digest: before, isIndex: true, sizeBytes: undefined }
    const held = await holdingOf(mirror, repository, top, image.wanted.platforms)
    if (isWhole(held)) image.digestBefore = before
  }

  #head(image: Image, repository: Repository, tag: Tag): Promise<TagHead | undefined> {
    const { mirror, ending } = this.#context
    return once(this.#heads, imageName(repository, { tag }), () =>
      registryOf(this.#context, image).ask(
        'heads',
        () => unlessEnded(mirror.head(repository, tag), ending.signal),
        ending.signal,
        (tries) => (image.tries = Math.max(image.tries, tries)),
      ),
    )
  }

  async #hold(image: Image): Promise<Holding | undefined> {
    const { top } = image
    if (!top) return undefined
    const { repository, platforms } = image.wanted
    const holding = await holdingOf(this.#context.mirror, repository, top, platforms)
    image.holding = holding
    noteLacking(image)
    if (isWhole(holding)) image.digestBefore = top.digest
    return holding
  }

  #isForgiven(image: Image): boolean {
    if (image.status !== undefined || image.isDeferred) return false
    this.#context.board.notice(`${image.wanted.name} does not exist; the list says it need not`)
    return true
  }

  #isUnmet({ name, registry, place, isOptional }: Unmet, why: Why): void {
    const { board } = this.#context
    if (isOptional && (why.cause === 'no-match' || why.cause === 'not-found')) {
      return board.notice(`${name}: ${why.because}; the list says it need not`)
    }
    const result = unmetResult(name, registry, place, why)
    this.#unmet.push(result)
    board.unmet(result)
  }
}

/** What the wanted platforms lack is worth a warning; where that is everything, nothing is left to warm. */
export function noteLacking({ holding, warnings, wanted }: Image): void {
  if (!holding || holding.named.length === 0) return
  const lacking = lackingPlatforms(wanted.platforms, holding.named)
  if (holding.isForOthers) {
    const because = `it is for ${holding.named.join(', ')} only, not for ${lacking.join(', ')}`
    throw new Lacking('platform', because, 'name other platforms with --platform')
  }
  const notes = lacking.map((platform) => `${platform} does not exist`)
  warnings.push(...notes.filter((note) => !warnings.includes(note)))
}

export function noSuchTag(name: string): Lacking {
  return new Lacking('not-found', `${name} does not exist`, 'check the name and the tag')
}

function goneTag(name: string): Lacking {
  const because = `${name} no longer exists upstream; what is held of it stays`
  return new Lacking('not-found', because, 'take it out of the list')
}

function isMissing(error: unknown): boolean {
  return error instanceof Lacking && error.cause === 'not-found'
}

function unmetResult(name: string, registry: string, place: Unmet['place'], why: Why): WarmResult {
  const isLeft = why.cause === 'stopped' || why.cause === 'until'
  return {
    reference: name,
    registry,
    places: [place],
    status: isLeft ? 'left' : 'failed',
    ...why,
    digestBefore: undefined,
    digest: undefined,
    platforms: [],
    warnings: [],
    bytesNew: 0,
    bytesReused: 0,
    tries: 1,
  }
}

function once<T>(known: Map<string, Promise<T>>, key: string, start: () => Promise<T>): Promise<T> {
  const running = known.get(key) ?? start()
  known.set(key, running)
  return running
}
