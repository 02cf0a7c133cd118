// What there is to do: one HEAD per tag, one list per repository with patterns, and what is held.
// Nothing is fetched.

import type { WarmResult } from '../care/warm-job.ts'
import { JobRefused } from '../errors.ts'
import type { ListedTags, LookedAt, TagHead, WarmMirror } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import { imageName, repositoryKey } from '../oci/name.ts'
import type { Repository, Tag } from '../oci/name.ts'
import { Lacking, whyOf } from './causes.ts'
import type { Why } from './causes.ts'
import { end, giveUp, registryOf, unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import { holdingOf, isWhole } from './holding.ts'
import type { Holding } from './holding.ts'
import { Image } from './image.ts'
import { goneTag, noMatch, noSuchTag, noteLacking } from './lacks.ts'
import { matchesOf, unite } from './wanted.ts'
import type { Unmet, Wanted, WantedAll, WantedPattern } from './wanted.ts'

/** Of one run: each is kept in memory and reported, whatever patterns match. */
const IMAGES_MAX = 50_000

export interface Plan {
  readonly images: readonly Image[]
  /** Of lines that stand for no image at all. */
  readonly unmet: readonly WarmResult[]
}

export async function planOf(context: RunContext, wanted: WantedAll): Promise<Plan> {
  return await new Planning(context).plan(wanted)
}

/** Those for which pulls, or their registry, had to be waited for. */
export async function lookAgain(context: RunContext, images: readonly Image[]): Promise<void> {
  await new Planning(context).lookAll(images)
}

class Planning {
  readonly #context: RunContext
  readonly #heads = new Map<string, Promise<TagHead | undefined>>()
  readonly #lists = new Map<string, Promise<ListedTags | undefined>>()
  /** Of the images that a list stands for which is not the whole of upstream's. */
  readonly #cutShort = new Map<string, string>()
  readonly #served = new Map<string, Promise<boolean>>()
  readonly #unmet: WarmResult[] = []

  readonly #looking: Pick<WarmMirror, 'heldManifest' | 'missingBlobs'>

  constructor(context: RunContext) {
    this.#context = context
    const { mirror } = context
    const looked: LookedAt = new Map()
    this.#looking = {
      heldManifest: (...asked) => mirror.heldManifest(...asked),
      missingBlobs: (repository, blobs) => mirror.missingBlobs(repository, blobs, looked),
    }
  }

  async plan({ images, patterns, refused }: WantedAll): Promise<Plan> {
    for (const each of refused) {
      const { because } = each
      this.#isUnmet(each, { cause: 'not-served', because, remedy: undefined })
    }
    const matched = await Promise.all(patterns.map((pattern) => this.#match(pattern)))
    const united = unite([...images, ...matched.flat()])
    if (united.length > IMAGES_MAX) throw tooMany(united.length)
    const all = united.map((each) => new Image(each))
    for (const image of all) {
      const note = this.#cutShort.get(image.wanted.name)
      if (note !== undefined) image.warnings.push(note)
    }
    this.#context.board.phase('planning', all.length)
    return { images: await this.lookAll(all), unmet: this.#unmet }
  }

  /** Without those that need not exist and do not. */
  async lookAll(images: readonly Image[]): Promise<readonly Image[]> {
    await Promise.all(images.map((image) => this.#look(image)))
    return images.filter((image) => !this.#isForgiven(image))
  }

  async #match(pattern: WantedPattern): Promise<Wanted[]> {
    try {
      const listed = await this.#list(pattern.repository)
      if (!listed) {
        const because = `${pattern.registry} lists no tags of ${pattern.repository.name}`
        throw new Lacking('not-found', because, 'check the name, or write the tags out')
      }
      const { tags, isCut } = listed
      const matches = matchesOf(pattern, tags)
      if (isCut) this.#noteCut(pattern, tags.length, matches)
      if (matches.length > 0) return matches
      throw noMatch(tags.length, isCut)
    } catch (error) {
      const { ending } = this.#context
      const { by, because = '' } = ending
      if (by !== undefined) this.#isUnmet(pattern, { cause: by, because, remedy: undefined })
      else this.#isUnmet(pattern, whyOf(error, pattern.registry))
      return []
    }
  }

  #list(repository: Repository): Promise<ListedTags | undefined> {
    const { mirror, registries, ending } = this.#context
    return once(this.#lists, repositoryKey(repository), () =>
      registries
        .of(repository.registry)
        .ask('lists', () => unlessEnded(mirror.tags(repository), ending.signal), ending.signal),
    )
  }

  #noteCut(pattern: WantedPattern, count: number, matches: readonly Wanted[]): void {
    const note = `only the first ${count} tags of its repository are listed: there may be more that match`
    this.#context.board.notice(`${pattern.name}: ${note}`)
    for (const { name } of matches) this.#cutShort.set(name, note)
  }

  async #look(image: Image): Promise<void> {
    image.isDeferred = false
    try {
      await this.#ask(image)
      const holding = await this.#hold(image)
      const isFresh = holding && isWhole(holding) && (await this.#isServed(image))
      image.status = 'stale'
      if (isFresh) end(this.#context, image, 'fresh')
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
    if (pinned !== undefined) return await this.#compare(image, reference.tag, pinned)
    const head = await this.#head(image, repository, reference.tag)
    if (!head) throw before ? goneTag(name) : noSuchTag(name)
    image.digest = head.digest
    image.mediaType = head.mediaType
    image.sizeBytes = head.sizeBytes
    if (before === undefined || before === image.digest) return
    const top = { digest: before, isIndex: true, sizeBytes: undefined }
    const held = await holdingOf(this.#looking, repository, top, image.wanted.platforms)
    if (isWhole(held)) image.digestBefore = before
  }

  /** What a tag points to is only worth a warning where the line says what is wanted. */
  async #compare(image: Image, tag: Tag, pinned: Digest): Promise<void> {
    try {
      const head = await this.#head(image, image.wanted.repository, tag)
      if (head?.digest === pinned) {
        image.mediaType = head.mediaType
        image.sizeBytes = head.sizeBytes
        return
      }
      const now = head ? `points to ${head.digest ?? 'something else'} now` : 'is gone'
      image.warnings.push(`the tag ${tag} ${now}`)
    } catch (error) {
      this.#context.ending.signal.throwIfAborted()
      const { because } = whyOf(error, image.registry)
      image.warnings.push(`the tag ${tag} could not be looked up: ${because}`)
    }
  }

  /** Where that is not known, it is found out in the run, with nothing else to fetch. */
  #isServed({ wanted: { repository } }: Image): Promise<boolean> {
    return once(this.#served, repositoryKey(repository), () =>
      this.#context.mirror.isServed(repository),
    )
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
    const holding = await holdingOf(this.#looking, repository, top, platforms)
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

function tooMany(count: number): JobRefused {
  return new JobRefused(
    `the lists stand for ${count} images, and one run takes ${IMAGES_MAX} at most: divide them, or ` +
      'write patterns that match fewer tags',
  )
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
