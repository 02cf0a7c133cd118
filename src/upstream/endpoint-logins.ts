// The login of a registry at one of its endpoints: what one refuses, another may well accept.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'
import type { RepositoryName } from '../oci/name.ts'
import type { UpstreamLimits } from './limits.ts'
import type { HeldLogin, Logins, Usable } from './logins.ts'

interface Refusal {
  readonly trouble: string
  readonly untilMs: number
}

export interface EndpointLoginsOptions {
  readonly logins: Logins
  /** Of any other endpoint people are told nothing: the origin, whose login it is, may take it. */
  readonly isOrigin: boolean
  readonly limits: UpstreamLimits
  readonly now: () => number
}

export class EndpointLogins {
  readonly #options: EndpointLoginsOptions
  readonly #refused: LRUCache<string, Refusal>

  constructor(options: EndpointLoginsOptions) {
    this.#options = options
    this.#refused = boundedMap(options.limits.rememberedMax)
  }

  get mayBeInUse(): boolean {
    return this.#options.logins.mayBeInUse
  }

  /** Undefined: there is none. `evenRefused`: as if none had been refused before. */
  async current(
    repository: RepositoryName | undefined,
    signal: AbortSignal,
    evenRefused = false,
  ): Promise<Usable | undefined> {
    const usable = await this.#options.logins.find(repository, signal)
    if (!usable || 'trouble' in usable || evenRefused) return usable
    const refusal = this.#refusalOf(usable.held)
    return refusal ? { trouble: refusal.trouble } : usable
  }

  /** Another login in the place of one that was turned down, where its source can renew it. */
  async renewed(
    refused: HeldLogin,
    repository: RepositoryName | undefined,
    signal: AbortSignal,
  ): Promise<HeldLogin | undefined> {
    const usable = await this.#options.logins.find(repository, signal, refused)
    if (!usable || 'trouble' in usable) return undefined
    const { held } = usable
    return held.id === refused.id || this.#refusalOf(held) ? undefined : held
  }

  accepted({ id }: HeldLogin): void {
    const { logins, isOrigin } = this.#options
    this.#refused.delete(id)
    if (isOrigin) logins.works()
  }

  /** Accounts are locked after some wrong tries. Gives the sentence that says so. */
  leaveAlone({ id, remedy }: HeldLogin, said: string): string {
    const { limits, now } = this.#options
    const trouble = remedy === undefined ? said : `${said}; ${remedy}`
    this.#refused.set(id, { trouble, untilMs: now() + limits.loginRefusedMs })
    this.useless(trouble)
    return trouble
  }

  /** For whatever reason, in a sentence. */
  useless(trouble: string): void {
    const { logins, isOrigin } = this.#options
    if (isOrigin) logins.doesNotWork(trouble)
  }

  #refusalOf({ id }: HeldLogin): Refusal | undefined {
    const refusal = this.#refused.get(id)
    return refusal && this.#options.now() < refusal.untilMs ? refusal : undefined
  }
}
