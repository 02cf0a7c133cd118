// Requests as anybody could send them: in the open, and with a token that anybody gets.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'
import { discard } from './answer.ts'
import type { Answer } from './answer.ts'
import { uselessLogin } from './attempt-error.ts'
import { anonymousAnswer, isNotVisible } from './authorized.ts'
import type { AuthorizedAnswer, AuthorizedRequest } from './authorized.ts'
import { bearerChallenge, parseChallenges } from './challenge.ts'
import type { UpstreamLimits } from './limits.ts'
import type { LoginSite } from './login-reach.ts'
import type { PingedChallenge } from './pinged-challenge.ts'
import { grantFor, resolveRealm } from './realm.ts'
import type { TokenGrant } from './realm.ts'
import type { Tokens } from './tokens.ts'

export interface AnonymousSenderOptions {
  readonly site: LoginSite
  readonly tokens: Tokens
  readonly pinged: PingedChallenge
  readonly limits: UpstreamLimits
}

export interface AnonymousCircumstances {
  /** Why the login that is configured is not used, for when it would have been needed. */
  readonly trouble?: string | undefined
  /** What came of the same request in the open, where that was just tried. */
  readonly open?: Answer
}

/**
 * State is kept per host and repository. So a token is only ever sent to the host that asked for it,
 * and a host behind a redirect may ask for its own.
 */
export class AnonymousSender {
  readonly #options: AnonymousSenderOptions
  readonly #grants: LRUCache<string, TokenGrant>

  constructor(options: AnonymousSenderOptions) {
    this.#options = options
    this.#grants = boundedMap(options.limits.rememberedMax)
  }

  /** A refusal comes back only when there is nothing left to try. */
  async send(
    request: AuthorizedRequest,
    { trouble, open }: AnonymousCircumstances = {},
  ): Promise<AuthorizedAnswer> {
    try {
      const remembered = await this.#sendRemembered(request)
      if (remembered && open) this.#discard(open)
      const answer = remembered ?? (await this.#sendAnew(request, open))
      return { ...answer, loginTrouble: trouble }
    } catch (error) {
      if (trouble === undefined || !isNotVisible(error)) throw error
      throw uselessLogin(this.#options.site.registry, trouble, { cause: error })
    }
  }

  async #sendAnew(request: AuthorizedRequest, given?: Answer): Promise<AuthorizedAnswer> {
    const { tokens } = this.#options
    const open = given ?? (await request.send(undefined))
    if (open.status !== 401) return anonymousAnswer(open)
    const grant = await this.#grantOf(open, request)
    if (!grant) return anonymousAnswer(open)
    this.#discard(open)
    const token = await tokens.get(grant, request.signal)
    const authorization = `Bearer ${token}`
    const answer = await request.send(authorization)
    if (answer.status === 401) tokens.drop(grant, token)
    else this.#grants.set(keyOf(request), grant)
    return anonymousAnswer(answer, authorization)
  }

  /** Undefined: start again without a token. nvcr.io names another realm when a token has expired. */
  async #sendRemembered(request: AuthorizedRequest): Promise<AuthorizedAnswer | undefined> {
    const key = keyOf(request)
    const grant = this.#grants.get(key)
    if (!grant) return undefined
    const token = await this.#tokenOrForget(key, grant, request.signal)
    const authorization = `Bearer ${token}`
    const answer = await request.send(authorization)
    if (answer.status !== 401) return anonymousAnswer(answer, authorization)
    this.#discard(answer)
    this.#options.tokens.drop(grant, token)
    this.#grants.delete(key)
    return undefined
  }

  /** A realm that no longer gives tokens may have moved: the next try asks the registry again. */
  async #tokenOrForget(key: string, grant: TokenGrant, signal: AbortSignal): Promise<string> {
    try {
      return await this.#options.tokens.get(grant, signal)
    } catch (error) {
      this.#grants.delete(key)
      throw error
    }
  }

  async #grantOf(
    refused: Answer,
    { url, repository, signal }: AuthorizedRequest,
  ): Promise<TokenGrant | undefined> {
    const { site, pinged } = this.#options
    const headers = refused.headers['www-authenticate']
    const isPinged = headers === undefined && url.origin === site.endpoint.origin
    const challenges = isPinged ? await pinged.get(signal) : parseChallenges(headers)
    const challenge = bearerChallenge(challenges)
    const realm = challenge && resolveRealm(challenge.realm, url, site)
    return realm && grantFor(challenge, realm, url, repository)
  }

  #discard({ body }: Answer): void {
    const { errorBodyMaxBytes, errorBodyTimeoutMs } = this.#options.limits
    discard(body, errorBodyMaxBytes, errorBodyTimeoutMs)
  }
}

function keyOf({ url, repository }: AuthorizedRequest): string {
  return `${url.origin} ${repository}`
}
