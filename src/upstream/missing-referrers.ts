// Where an endpoint was seen to have no referrers API, so that it is not asked again for each image.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'
import type { RepositoryName } from '../oci/name.ts'
import type { UpstreamLimits } from './limits.ts'
import type { ReferrersReply } from './referrers.ts'

/**
 * What one repository is answered says nothing of the next: Harbor redirects for a project that is
 * missing, and whoever asks for such a one must not hide the signatures of all the others.
 */
export class MissingReferrers {
  readonly #repositories: LRUCache<RepositoryName, number>
  readonly #forMs: number
  readonly #now: () => number
  #everywhereSinceMs = -Infinity

  constructor({ rememberedMax, referrersMissingMs }: UpstreamLimits, now: () => number) {
    this.#repositories = boundedMap(rememberedMax)
    this.#forMs = referrersMissingMs
    this.#now = now
  }

  /** A list shows that there is such an API: what said otherwise was about something else. */
  learn(repository: RepositoryName, reply: ReferrersReply): void {
    if (reply === 'unknown') return
    if (reply === 'unsupported') {
      this.#everywhereSinceMs = this.#now()
    } else if (reply === 'unsupported-here') {
      this.#repositories.set(repository, this.#now())
    } else {
      this.#everywhereSinceMs = -Infinity
      this.#repositories.clear()
    }
  }

  has(repository: RepositoryName): boolean {
    const hereSinceMs = this.#repositories.get(repository) ?? -Infinity
    return this.#now() - Math.max(hereSinceMs, this.#everywhereSinceMs) < this.#forMs
  }
}
