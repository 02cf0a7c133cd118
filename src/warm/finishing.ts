// The end of an image's way: everything is looked at again, and kept while the run needs the room.

import { repositoryKey } from '../oci/name.ts'
import type { Index } from '../store/index-port.ts'
import { Lacking, whyOf } from './causes.ts'
import { end, registryOf, unlessEnded } from './context.ts'
import type { RunContext } from './context.ts'
import { holdingOf, isWhole } from './holding.ts'
import type { Image } from './image.ts'

/** Who pins what a run found or brought, until its end. */
export const PINNED_BY_RUN = 'warm (running)'

export interface FinishingOptions {
  readonly index: Pick<Index, 'pin'>
  readonly now: () => number
}

export class Finishing {
  readonly #context: RunContext
  readonly #options: FinishingOptions
  readonly #settled = new Map<string, Promise<void>>()

  constructor(context: RunContext, options: FinishingOptions) {
    this.#context = context
    this.#options = options
  }

  /** Its blobs are there: whether all is whole, and served without upstream, is looked at again. */
  async finish(image: Image): Promise<void> {
    const { mirror } = this.#context
    const { repository, platforms } = image.wanted
    await this.#settle(image)
    if (!image.top) throw new Lacking('other', 'upstream did not tell what it is')
    const holding = await holdingOf(mirror, repository, image.top, platforms)
    image.holding = holding
    if (!isWhole(holding)) {
      const count = holding.missingManifests.length + holding.missingBlobs.length
      throw new Lacking('other', `${count} of its parts were stored and are gone again`)
    }
    await this.pin(image)
    end(this.#context, image, 'warmed')
  }

  /** In a full store nothing that this run wants makes room for the rest of it. */
  async pin({ wanted, digest }: Image): Promise<void> {
    if (digest === undefined) return
    const { index, now } = this.#options
    await index
      .pin(wanted.repository, { digest }, PINNED_BY_RUN, now())
      // It is held all the same.
      .catch(() => undefined)
  }

  /** Who may read a repository is found out while upstream can be asked. */
  async #settle(image: Image): Promise<void> {
    const { mirror, ending } = this.#context
    const { repository } = image.wanted
    const key = repositoryKey(repository)
    const settled =
      this.#settled.get(key) ??
      registryOf(this.#context, image).ask(
        'visibility',
        () => unlessEnded(mirror.settleVisibility(repository), ending.signal),
        ending.signal,
      )
    this.#settled.set(key, settled)
    await settled.catch((error: unknown) => {
      const { because } = whyOf(error, image.registry)
      image.warnings.push(`who may read ${key} could not be found out: ${because}`)
    })
  }
}
