// What a run asks of what refers to a manifest, and what of that it knows already.

import type { FoundReferrers, KnownReferrers } from '../mirror/warm-port.ts'
import type { Digest } from '../oci/digest.ts'
import { repositoryKey } from '../oci/name.ts'
import type { Tag } from '../oci/name.ts'
import { unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import { wasAskedWithin } from './every.ts'
import { wantedCosignTags } from './referring.ts'
import type { Image } from './image.ts'
import type { Wanted } from './wanted.ts'

export class ReferrerLookups {
  readonly #context: RunContext
  /** Repositories of which the operator's lists leave out such tags. */
  readonly #denied = new Set<string>()

  constructor(context: RunContext) {
    this.#context = context
  }

  /** Undefined where upstream is to be asked. */
  async known({ repository, every }: Wanted, subject: Digest): Promise<KnownReferrers | undefined> {
    if (every === 'always') return undefined
    const { mirror, now } = this.#context
    const known = await mirror.knownReferrers(repository, subject)
    return known && wasAskedWithin(every, known.checkedAt, now()) ? known : undefined
  }

  /** To be looked up; where the list was asked for lately, so were all the tags, and these are there. */
  async cosignTags(
    { repository, referrers }: Wanted,
    subject: Digest,
    known: KnownReferrers | undefined,
  ): Promise<readonly Tag[]> {
    const { mirror } = this.#context
    const wanted = wantedCosignTags(referrers, subject)
    const tags = wanted.filter((tag) => this.isAllowed({ repository }, tag))
    if (!known) return tags
    const found = await Promise.all(tags.map((tag) => mirror.knownTag(repository, tag)))
    return tags.filter((_, at) => found[at] !== undefined)
  }

  /** Clients are not given what is left out: that is told once of each repository. */
  isAllowed({ repository }: Pick<Wanted, 'repository'>, tag: Tag): boolean {
    const { mirror, board } = this.#context
    const denial = mirror.denial(repository, tag)
    if (denial === undefined) return true
    const key = repositoryKey(repository)
    if (!this.#denied.has(key)) {
      board.notice(`${key}: what refers to its images by tag is left out: ${denial}`)
    }
    this.#denied.add(key)
    return false
  }

  /** `byTag`: the list itself, where a tag stands in for the API and is held: then nobody is asked. */
  async list(
    { repository }: Wanted,
    subject: Digest,
    byTag: Image | undefined,
  ): Promise<FoundReferrers> {
    const { mirror, registries, ending } = this.#context
    if (byTag) return await mirror.referrers(repository, subject, byTag)
    const list = () => unlessEnded(mirror.referrers(repository, subject), ending.signal)
    return await registries.of(repository.registry).ask('lists', list, ending.signal)
  }
}
