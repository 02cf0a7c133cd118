// Content is shared between repositories; the right to read it is not.

import { UpstreamError } from '../errors.ts'
import type { Digest } from '../oci/digest.ts'
import type { Repository } from '../oci/name.ts'
import type { ContentRow, Index } from '../store/index-port.ts'
import type { Asking } from '../upstream/upstream.ts'
import { PRIVATE_UNTIL_CHECKED } from './private-policy.ts'

export class SharedContent {
  readonly #index: Index
  readonly #isAllowed: (repository: Repository) => boolean

  /** `isAllowed`: whether the operator opens the repository to everyone, whoever may read it upstream. */
  constructor(index: Index, isAllowed: (repository: Repository) => boolean) {
    this.#index = index
    this.#isAllowed = isAllowed
  }

  /**
   * Whether held content may be served in a repository unasked. Where only a descriptor names it there,
   * it must be what anybody can read somewhere: who may push a manifest may name whatever they like.
   */
  async mayServe(digest: Digest, content: ContentRow): Promise<boolean> {
    if (!content.isClaim || (await this.#index.isOpen(digest))) return true
    // A manifest is confirmed, which also tells what it names there.
    if (content.kind === 'manifest') return false
    return (await this.#index.seenIn(digest)).some((each) => this.#isAllowed(each))
  }

  /** Asks whether a repository contains what another was seen to contain, as whom its readers are. */
  async confirm<Found>(
    repository: Repository,
    ask: (asking: Asking) => Promise<Found | undefined>,
  ): Promise<Found | undefined> {
    const known = await this.#index.findVisibility(repository)
    // Of what cannot be read the stricter is assumed.
    const mayBePublic = known?.isPublic === true || known === PRIVATE_UNTIL_CHECKED
    if (!mayBePublic) return await ask({})
    // A login may see more of a public repository than its readers do.
    const isAllowed = this.#isAllowed(repository)
    const found = await ask({ anonymously: true }).catch((error: unknown) => {
      if (isAllowed && error instanceof UpstreamError && error.kind === 'not-visible')
        return undefined
      throw error
    })
    return found || !isAllowed ? found : await ask({})
  }
}
