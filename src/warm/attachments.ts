// What refers to the images of a run, and what refers to that: each an image of its own, for the same
// lines. Asked for once the manifests that are referred to are held.

import type { FoundReferrers } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import { repositoryKey } from '../oci/name.ts'
import type { Tag } from '../oci/name.ts'
import { referrersTag } from '../oci/referrers.ts'
import type { ReferrerDescriptor } from '../oci/referrers.ts'
import { whyOf } from './causes.ts'
import type { Why } from './causes.ts'
import { end, giveUp } from './context.ts'
import type { RunContext } from './context.ts'
import { Image } from './image.ts'
import { Exhausted } from './patience.ts'
import { ALL_PLATFORMS } from './platforms.ts'
import { pullsOfImage } from './price.ts'
import { ReferrerLookups } from './referrer-lookups.ts'
import { isList, isReferredTo, isWantedReferrer } from './referring.ts'
import { MoreThanPlanned } from './registry-state.ts'
import { digestImage, tagImage, unite } from './wanted.ts'
import type { Wanted } from './wanted.ts'

/** Of one manifest: each is kept in memory and reported. */
const REFERRERS_MAX = 1000

export interface Following {
  /** As a plan looks at images: what is not there is passed over. */
  readonly look: (images: readonly Image[]) => Promise<void>
  /** Their manifests; a plan fetches none. */
  readonly fetch?: (images: readonly Image[]) => Promise<void>
}

/** What refers to `subject`? */
interface Question {
  readonly image: Image
  readonly subject: Digest
  /** As its lines want it. */
  readonly wanted: Wanted
  /** Its tag, which stands in for the API: its manifest tells the rest. Cosign's were asked for already. */
  readonly list?: Image
}

export class Attachments {
  readonly #context: RunContext
  readonly #lookups: ReferrerLookups
  /** By repository and digest: whether anything, as far as could be told, refers to it. */
  readonly #subjects = new Map<string, boolean>()
  /** Of images that stand for the list of what refers to another. */
  readonly #lists = new Map<Image, Question>()
  readonly #names = new Set<string>()

  constructor(context: RunContext) {
    this.#context = context
    this.#lookups = new ReferrerLookups(context)
  }

  /** All that refers to them, as far as it can be told; what cannot be told yet may be asked again. */
  async follow(images: readonly Image[], { look, fetch }: Following): Promise<readonly Image[]> {
    for (const { wanted } of images) this.#names.add(wanted.name)
    const ready = images.filter((image) => this.#isReady(image))
    const all: Image[] = []
    for (let round = ready; round.length > 0 && this.#context.ending.by === undefined;) {
      const questions = this.#questionsOf(round)
      const found = (await Promise.all(questions.map((each) => this.#ask(each, look)))).flat()
      all.push(...found)
      await fetch?.(found.filter(({ isDone, isDeferred }) => !isDone && !isDeferred))
      round = found.filter((image) => this.#isReady(image))
    }
    if (this.#context.ending.by === undefined) for (const image of ready) this.#noteNothing(image)
    return all
  }

  #isReady(image: Image): boolean {
    const { holding, status, isDeferred, isFollowed, passedOver } = image
    if (isFollowed || isDeferred || isLost(status) || passedOver !== undefined) return false
    return holding?.missingManifests.length === 0 && (isReferredTo(image) || isList(image))
  }

  /** Each subject once, for all images that have it. */
  #questionsOf(images: readonly Image[]): readonly Question[] {
    const questions: Question[] = []
    const askers = new Map<string, { readonly image: Image; readonly wanted: Wanted[] }>()
    for (const image of images) {
      image.isFollowed = true
      const list = this.#lists.get(image)
      if (list) questions.push(list)
      for (const subject of list ? [] : (image.holding?.subjects ?? [])) {
        const key = keyOf(image, subject)
        const asker = askers.get(key) ?? { image, wanted: [] }
        asker.wanted.push(digestImage(subject, image.wanted))
        if (!this.#subjects.has(key)) askers.set(key, asker)
      }
    }
    for (const [key, { image, wanted: all }] of askers) {
      this.#subjects.set(key, false)
      for (const wanted of unite(all)) {
        const subject = wanted.pinned
        if (subject) questions.push({ image, subject, wanted })
      }
    }
    return questions
  }

  /** Its list is asked for last: where that is known, all was asked. */
  async #ask(question: Question, look: Following['look']): Promise<readonly Image[]> {
    const { wanted, subject, list } = question
    const known = await this.#lookups.known(wanted, subject)
    const tags = list ? [] : await this.#lookups.cosignTags(wanted, subject, known)
    const byTag = tags.map((tag) => this.#tagged(question, tag, [ALL_PLATFORMS]))
    const tagged = await this.#look(question, byTag, look)
    const lost = tagged.find(({ status, isDeferred }) => isDeferred || isLost(status))
    if (lost) return [...tagged, this.#lose(question, lost.why, 'left')]
    try {
      const found = known ?? (await this.#lookups.list(wanted, subject, list))
      const listed = await this.#look(question, this.#listed(question, found), look)
      return [...tagged, ...listed]
    } catch (error) {
      // Nobody knows whether there is anything that was left.
      if (this.#context.ending.by !== undefined) return tagged
      const why = whyOf(error, question.image.registry)
      return [...tagged, this.#lose(question, why, error instanceof Exhausted ? 'left' : 'failed')]
    }
  }

  #listed(question: Question, { referrers, tag, head }: FoundReferrers): readonly Image[] {
    const { wanted } = question
    const wants = (each: ReferrerDescriptor): boolean => isWantedReferrer(wanted.referrers, each)
    const all = (referrers ?? []).filter(wants)
    if (all.length > REFERRERS_MAX) {
      const what = `only the first ${REFERRERS_MAX} of ${all.length} that refer to it are brought`
      this.#context.board.notice(`${wanted.name}: ${what}`)
    }
    const images = all.slice(0, REFERRERS_MAX).map((each) => this.#referrer(question, each))
    // Clients of a registry without the API ask for the list itself.
    if (tag === undefined || question.list || !this.#lookups.isAllowed(wanted, tag)) return images
    const list = this.#tagged(question, tag, [])
    list.isFollowed = referrers !== undefined
    list.told = head
    this.#lists.set(list, { ...question, list })
    return [list, ...images]
  }

  #referrer(question: Question, { digest, mediaType, size }: ReferrerDescriptor): Image {
    const common = { ...question.wanted, platforms: [ALL_PLATFORMS] }
    const image = new Image(digestImage(digest, common), question.image)
    image.mediaType = mediaType
    image.sizeBytes = size
    return image
  }

  /** One that need not exist. */
  #tagged({ wanted, image }: Question, tag: Tag, platforms: readonly string[]): Image {
    return new Image(tagImage(tag, undefined, { ...wanted, platforms, isOptional: true }), image)
  }

  async #look(
    { image, subject }: Question,
    images: readonly Image[],
    look: Following['look'],
  ): Promise<readonly Image[]> {
    const unnamed = images.filter(({ wanted }) => !this.#names.has(wanted.name))
    for (const { wanted } of unnamed) this.#names.add(wanted.name)
    await look(unnamed)
    const found = unnamed.filter(({ passedOver }) => passedOver === undefined)
    if (found.length > 0 || unnamed.length < images.length) {
      this.#subjects.set(keyOf(image, subject), true)
    }
    this.#context.board.more(found.length)
    for (const each of found) this.#charge(each)
    return found
  }

  /** What a price did not foresee is left for the next run where pulls are counted. */
  #charge(image: Image): void {
    const payer = payerOf(image)
    if (payer?.attachedPulls === undefined || image.status !== 'stale') return
    image.plannedPulls = pullsOfImage(image)
    const { isCounted } = this.#context.registries.of(image.registry)
    if (isCounted && image.plannedPulls > payer.attachedPulls) {
      giveUp(this.#context, image, new MoreThanPlanned())
    } else {
      payer.attachedPulls -= image.plannedPulls
    }
  }

  /** Nobody knows what refers to the subject: the next run asks again. */
  #lose(question: Question, why: Why | undefined, status: 'failed' | 'left'): Image {
    const list = this.#tagged(question, referrersTag(question.subject), [])
    this.#subjects.set(keyOf(question.image, question.subject), true)
    this.#context.board.more(1)
    end(this.#context, list, status, why)
    return list
  }

  #noteNothing(image: Image): void {
    const { holding, wanted } = image
    if (image.attachedTo || holding === undefined || holding.hasAttestations) return
    if (holding.subjects.some((subject) => this.#subjects.get(keyOf(image, subject)))) return
    const what = typeof wanted.referrers === 'string' ? '' : ` of ${wanted.referrers.join(', ')}`
    this.#context.board.notice(`${wanted.name}: nothing${what} refers to it upstream`)
  }
}

/** Each behind what it refers to, where that is among the images. */
export function withAttached(
  images: readonly Image[],
  attached: readonly Image[],
): readonly Image[] {
  const byOwner = Map.groupBy(attached, ({ attachedTo }) => attachedTo)
  const behind = (image: Image): Image[] => [image, ...(byOwner.get(image) ?? []).flatMap(behind)]
  const all = new Set(images.flatMap(behind))
  return [...all, ...attached.filter((image) => !all.has(image))]
}

/** The nearest that a price was made for. */
function payerOf({ attachedTo }: Image): Image | undefined {
  return attachedTo?.attachedPulls === undefined ? attachedTo && payerOf(attachedTo) : attachedTo
}

function isLost(status: Image['status']): boolean {
  return status === 'failed' || status === 'left'
}

function keyOf({ wanted }: Image, subject: Digest): string {
  return `${repositoryKey(wanted.repository)}@${subject}`
}
