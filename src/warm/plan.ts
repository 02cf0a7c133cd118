// What there is to do: one HEAD per tag, one list per repository with patterns, and what is held.
// Nothing is fetched.

import type { WarmResult } from '../care/warm-job.ts'
import { JobRefused } from '../errors.ts'
import { bareOf } from '../list/bare.ts'
import type { Digest } from '../oci/digest.ts'
import type { Tag } from '../oci/name.ts'
import { Lacking, whyOf } from './causes.ts'
import type { Why } from './causes.ts'
import { end, giveUp, passOver } from './context.ts'
import type { RunContext } from './context.ts'
import { holdingOf, isWhole } from './holding.ts'
import type { Holding } from './holding.ts'
import { Image } from './image.ts'
import { goneTag, noSuchTag, noteLacking, tooLarge } from './lacks.ts'
import { unused as unusedNote } from './line-notes.ts'
import { Lines } from './lines.ts'
import type { LinePlan } from './lines.ts'
import type { WantedList } from './list-rules.ts'
import { Lookups } from './lookups.ts'
import type { Looked } from './lookups.ts'
import { wantsAttestations } from './referring.ts'
import { unite } from './wanted.ts'

/** Of one run: each is kept in memory and reported, whatever patterns match. */
const IMAGES_MAX = 50_000

export interface Plan {
  /** Each once, whichever lines mean it; also those that were passed over. */
  readonly images: readonly Image[]
  /** Of lines that stand for no image at all, or for others than they are to. */
  readonly unmet: readonly WarmResult[]
  /** In the order of the lists. */
  readonly lines: readonly LinePlan[]
}

/** `platforms`: of the command. */
export async function planOf(
  context: RunContext,
  lists: readonly WantedList[],
  platforms: readonly string[],
): Promise<Plan> {
  return await new Planning(context).plan(lists, platforms)
}

/** Those for which pulls, or their registry, had to be waited for. */
export async function lookAgain(context: RunContext, images: readonly Image[]): Promise<void> {
  await new Planning(context).lookAll(images)
}

class Planning {
  readonly #context: RunContext
  readonly #lookups: Lookups

  constructor(context: RunContext) {
    this.#context = context
    this.#lookups = new Lookups(context)
  }

  async plan(lists: readonly WantedList[], platforms: readonly string[]): Promise<Plan> {
    const of = new Lines({ context: this.#context, lookups: this.#lookups, platforms })
    const lines = await Promise.all(
      lists.flatMap((list) => list.parsed.entries.map((entry) => of.of(entry, list))),
    )
    const unmet = lines.flatMap((line) => this.#unmet(line) ?? [])
    const unused = lines.filter(isUnused).map(({ name }) => name)
    if (unused.length > 0) this.#context.board.notice(unusedNote(unused))
    const united = unite(lines.flatMap(({ images }) => images.map(({ wanted }) => wanted)))
    if (united.length > IMAGES_MAX) throw tooMany(united.length)
    const images = united.map((each) => new Image(each))
    addNotes(images, lines)
    this.#context.board.phase('planning', images.length)
    await this.lookAll(images)
    return { images, unmet, lines }
  }

  async lookAll(images: readonly Image[]): Promise<void> {
    await Promise.all(images.map((image) => this.#look(image)))
  }

  async #look(image: Image): Promise<void> {
    image.isDeferred = false
    try {
      const known = await this.#ask(image)
      const holding = known ?? (await this.#holdingOf(image))
      if (holding) hold(image, holding)
      if (holding && isTooLarge(image, holding)) {
        return passOver(this.#context, image, tooLarge(image.wanted, holding.totalBytes))
      }
      const { repository } = image.wanted
      const isFresh = holding && isWhole(holding) && (await this.#lookups.isServed(repository))
      image.status = 'stale'
      if (isFresh) end(this.#context, image, 'fresh')
    } catch (error) {
      const { isOptional, isOnlyUsed } = image.wanted
      const isEnding = this.#context.ending.by !== undefined
      // Most images have no signature: that is told once of each, not of every place to look for one.
      if (image.attachedTo && isOptional && (isMissing(error) || isEnding)) {
        return void (image.passedOver = NEED_NOT_EXIST)
      }
      if (!isMissing(error) || !isOptional) return giveUp(this.#context, image, error)
      passOver(this.#context, image, isOnlyUsed ? USED_AND_GONE : NEED_NOT_EXIST)
    }
  }

  /** What is held, where nothing had to be asked. */
  async #ask(image: Image): Promise<Holding | undefined> {
    const { repository, reference, pinned, name } = image.wanted
    image.digest = pinned
    if (!('tag' in reference)) return undefined
    const { tag } = reference
    const denial = this.#context.mirror.denial(repository, tag)
    if (denial !== undefined) throw new Lacking('not-served', denial)
    const known = await this.#lookups.knownWhole(image.wanted, tag)
    if (known) {
      image.digest ??= known.digest
      // A digest that stands beside the tag may be another.
      return image.digest === known.digest ? known.holding : undefined
    }
    if (pinned !== undefined) {
      await this.#compare(image, tag, pinned)
      return undefined
    }
    const { before, head } = await this.#headOf(image, tag)
    if (!head) throw before ? goneTag(name) : noSuchTag(name)
    image.digest = head.digest
    image.mediaType = head.mediaType
    image.sizeBytes = head.sizeBytes
    if (before === undefined || before === image.digest) return undefined
    const top = { digest: before, isIndex: true, sizeBytes: undefined }
    const held = await holdingOf(this.#lookups.held, repository, top, image.wanted.platforms)
    if (isWhole(held)) image.digestBefore = before
    return undefined
  }

  /** What was said before is told once: an image that is looked at later again is asked for. */
  async #headOf(image: Image, tag: Tag): Promise<Looked> {
    const { told } = image
    image.told = undefined
    if (told) return { before: undefined, head: told }
    const { repository } = image.wanted
    return await this.#lookups
      .head(repository, tag)
      .finally(() => (image.tries = this.#lookups.triesOf(repository, tag)))
  }

  /** What a tag points to is only worth a warning where the line says what is wanted. */
  async #compare(image: Image, tag: Tag, pinned: Digest): Promise<void> {
    try {
      const { head } = await this.#lookups.head(image.wanted.repository, tag)
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

  async #holdingOf({ wanted, top }: Image): Promise<Holding | undefined> {
    if (!top) return undefined
    const { repository, platforms, referrers } = wanted
    const { held } = this.#lookups
    return await holdingOf(held, repository, top, platforms, wantsAttestations(referrers))
  }

  #unmet({ name, registry, entry, why }: LinePlan): WarmResult | undefined {
    if (!why) return undefined
    const { board } = this.#context
    if (isForgiven(entry.options.isOptional, why)) {
      return void board.notice(`${name}: ${why.because}; the list says it need not`)
    }
    const result = unmetResult(name, registry, entry.place, why)
    board.unmet(result)
    return result
  }
}

function hold(image: Image, holding: Holding): void {
  image.holding = holding
  noteLacking(image)
  if (isWhole(holding)) image.digestBefore = image.digest
}

const NEED_NOT_EXIST = 'it does not exist; the list says it need not'
const USED_AND_GONE = 'clients used it lately, and it no longer exists upstream; what is held stays'

/** Only where all its manifests are held is its size known. */
export function isTooLarge({ wanted }: Image, { missingManifests, totalBytes }: Holding): boolean {
  const { maxSizeBytes } = wanted
  return maxSizeBytes !== undefined && missingManifests.length === 0 && totalBytes > maxSizeBytes
}

export function isForgiven(isOptional: boolean | undefined, { cause }: Why): boolean {
  return isOptional === true && (cause === 'no-match' || cause === 'not-found')
}

function isUnused({ entry, repository, images, why }: LinePlan): boolean {
  const isTold = repository !== undefined && why === undefined
  return isTold && images.length === 0 && bareOf(entry) === 'used'
}

function addNotes(images: readonly Image[], lines: readonly LinePlan[]): void {
  const byName = new Map(images.map((image) => [image.wanted.name, image]))
  for (const { wanted, note } of lines.flatMap((line) => line.images)) {
    const image = byName.get(wanted.name)
    if (note !== undefined && !image?.warnings.includes(note)) image?.warnings.push(note)
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

function unmetResult(
  name: string,
  registry: string,
  place: LinePlan['entry']['place'],
  why: Why,
): WarmResult {
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
