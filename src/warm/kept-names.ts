// What every name keeps that a list means, and what has left its list and may be let go of. Pure.

import type { Digest } from '../oci/digest.ts'
import { referenceText, repositoryKey } from '../oci/name.ts'
import type { Reference, Repository } from '../oci/name.ts'
import type { LeftPin } from '../store/index-port.ts'
import type { ListedPin } from '../store/reader-port.ts'
import { Kept } from './kept.ts'
import type { Content } from './kept.ts'
import type { KeptBy } from './list-pins.ts'

const NOTHING: Content = new Map()

interface Name {
  /** Before the run. */
  readonly before: Content
  now: Content
}

interface Left extends LeftPin {
  readonly content: Content
  /** By this run. */
  readonly isOwn: boolean
}

export class KeptNames {
  readonly #kept = new Kept()
  readonly #names = new Map<string, Name>()
  /** The last to leave comes first. */
  #left: readonly Left[] = []

  /** `releases`: what the run's own lists mean no more. */
  constructor(pins: readonly ListedPin[], releases: readonly KeptBy[]) {
    const released = releasesOf(releases)
    const runAt = new Map(releases.map(({ by, pins: { at } }) => [by, at]))
    const left: Left[] = []
    // Names share most of their content, and long lists have many.
    const digests = new Map<Digest, Digest>()
    const once = (digest: Digest): Digest => {
      const known = digests.get(digest) ?? digest
      digests.set(known, known)
      return known
    }
    for (const { keepMs, by, repository, reference, content: parts, ...pin } of pins) {
      const leftAt = released({ by, repository, reference }, pin.leftAt)
      const content = new Map(parts.map(([digest, bytes]) => [once(digest), bytes]))
      // What is kept until somebody removes it has no time that could be cut short.
      if (leftAt !== undefined && keepMs !== undefined) {
        const isOwn = leftAt === runAt.get(by)
        left.push({ by, repository, reference, leftAt, content, isOwn })
      } else this.#keep({ repository, reference }, content)
    }
    this.#left = left.toSorted((one, other) => other.leftAt - one.leftAt)
  }

  get bytes(): number {
    return this.#kept.bytes
  }

  /**
   * This is kept by the name from here on: instead of what it kept before, or beside it. How much comes
   * to what is kept by that; negative: so much less is.
   */
  take(name: Named, content: Content, how: 'instead' | 'beside'): number {
    const { bytes } = this.#kept
    const found = this.#nameOf(name)
    this.#swap(found, how === 'beside' ? new Map([...found.before, ...content]) : content)
    return this.#kept.bytes - bytes
  }

  /** The name keeps what it kept before the run. */
  giveBack(name: Named): void {
    const found = this.#nameOf(name)
    this.#swap(found, found.before)
  }

  /**
   * Of what has left, the longest gone first, all that does not fit beside what is meant. What this run
   * replaces stays until what comes instead is there: `isAwaited` tells where something is to come.
   */
  makeWay(maxBytes: number, isAwaited: (repository: Repository) => boolean): readonly LeftPin[] {
    const stays = new Kept()
    const room = maxBytes - this.#kept.bytes
    const isSpared = ({ isOwn, repository }: Left): boolean => isOwn && isAwaited(repository)
    const [spared, others] = [this.#left.filter(isSpared), this.#left.filter((l) => !isSpared(l))]
    const fits = ({ content }: Left): boolean => {
      stays.add(new Map([...content].filter(([digest]) => !this.#kept.has(digest))))
      return stays.bytes <= room
    }
    for (const each of spared) fits(each)
    const tooMuch = others.findIndex((each) => !fits(each))
    if (tooMuch < 0) return []
    this.#left = [...spared, ...others.slice(0, tooMuch)]
    return others.slice(tooMuch).map(({ content: _, isOwn: __, ...pin }) => pin)
  }

  #keep(name: Named, content: Content): void {
    // By another list the same name keeps the same.
    if (this.#names.has(keyOf(name))) return
    this.#names.set(keyOf(name), { before: content, now: content })
    this.#kept.add(content)
  }

  #nameOf(name: Named): Name {
    const key = keyOf(name)
    const found = this.#names.get(key) ?? { before: NOTHING, now: NOTHING }
    this.#names.set(key, found)
    return found
  }

  #swap(name: Name, content: Content): void {
    this.#kept.remove(name.now)
    this.#kept.add(content)
    name.now = content
  }
}

interface Named {
  readonly repository: Repository
  readonly reference: Reference
}

function keyOf({ repository, reference }: Named): string {
  return `${repositoryKey(repository)} ${referenceText(reference)}`
}

/** Since when a pin has left its list, as far as that is known, once the run has said what its lists mean. */
function releasesOf(
  releases: readonly KeptBy[],
): (pin: Named & { readonly by: string }, leftAt: number | undefined) => number | undefined {
  const lists = new Map(
    releases.map(({ by, pins }) => {
      const meant = new Set([...pins.held, ...pins.still].map(keyOf))
      return [by, { ...pins, meant, unsureOf: new Set(pins.unsure.map(repositoryKey)) }]
    }),
  )
  return ({ by, ...name }, leftAt) => {
    const list = lists.get(by)
    if (list?.meant.has(keyOf(name))) return undefined
    const isUnsure = list?.unsureOf.has(repositoryKey(name.repository)) === true
    return leftAt ?? (list?.releasesOthers && !isUnsure ? list.at : undefined)
  }
}
