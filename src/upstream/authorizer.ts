// The token dance of one request to one host (distribution token specification, "How to authenticate").

import { LRUCache } from 'lru-cache'
import type { RepositoryName } from '../oci/name.ts'
import { discard } from './answer.ts'
import type { Answer } from './answer.ts'
import { bearerChallenge, parseChallenges } from './challenge.ts'
import type { UpstreamLimits } from './limits.ts'
import { grantFor, resolveRealm } from './realm.ts'
import type { TokenGrant } from './realm.ts'
import type { Tokens } from './tokens.ts'

export interface AuthorizedAnswer extends Answer {
  /** Whether a token was sent along. */
  readonly authorized: boolean
}

export interface AuthorizedRequest {
  readonly url: URL
  readonly repository: RepositoryName
  readonly signal: AbortSignal
  send(token: string | undefined): Promise<Answer>
}

export interface AuthorizerOptions {
  readonly endpoint: URL
  readonly tokens: Tokens
  readonly limits: UpstreamLimits
  /** Asks `/v2/` of the endpoint. */
  readonly ping: (signal: AbortSignal) => Promise<Answer>
}

/**
 * State is kept per host and repository. So a token is only ever sent to the host that asked for it,
 * and a host behind a redirect may ask for its own.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions
  readonly #grants: LRUCache<string, TokenGrant>

  constructor(options: AuthorizerOptions) {
    this.#options = options
    this.#grants = new LRUCache({ max: options.limits.rememberedMax })
  }

  /** A 401 comes back only when there is nothing left to try. */
  async send(request: AuthorizedRequest): Promise<AuthorizedAnswer> {
    const { tokens } = this.#options
    const key = `${request.url.origin} ${request.repository}`
    const remembered = await this.#sendRemembered(key, request)
    if (remembered) return remembered
    const open = await request.send(undefined)
    if (open.status !== 401) return { ...open, authorized: false }
    const grant = await this.#grantOf(open, request)
    if (!grant) return { ...open, authorized: false }
    this.#discard(open)
    const token = await tokens.get(grant, request.signal)
    const answer = await request.send(token)
    if (answer.status === 401) tokens.drop(grant, token)
    else this.#grants.set(key, grant)
    return { ...answer, authorized: true }
  }

  /** Undefined: start again without a token. nvcr.io names another realm when a token has expired. */
  async #sendRemembered(
    key: string,
    request: AuthorizedRequest,
  ): Promise<AuthorizedAnswer | undefined> {
    const grant = this.#grants.get(key)
    if (!grant) return undefined
    const token = await this.#tokenOrForget(key, grant, request.signal)
    const answer = await request.send(token)
    if (answer.status !== 401) return { ...answer, authorized: true }
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

  async #grantOf(refused: Answer, request: AuthorizedRequest): Promise<TokenGrant | undefined> {
    const { endpoint } = this.#options
    const headers = refused.headers['www-authenticate']
    const pinged = headers === undefined && request.url.origin === endpoint.origin
    const challenge = pinged
      ? await this.#pingedChallenge(request.signal)
      : bearerChallenge(parseChallenges(headers))
    const realm = challenge && resolveRealm(challenge.realm, request.url, endpoint)
    return realm && grantFor(challenge, realm, request.url, request.repository)
  }

  /** gcr.io sometimes gives a 401 without a challenge, but its ping has one. */
  async #pingedChallenge(signal: AbortSignal) {
    const answer = await this.#options.ping(signal)
    this.#discard(answer)
    const challenge = bearerChallenge(parseChallenges(answer.headers['www-authenticate']))
    return challenge && { ...challenge, scope: undefined }
  }

  #discard({ body }: Answer): void {
    const { errorBodyMaxBytes, errorBodyTimeoutMs } = this.#options.limits
    discard(body, errorBodyMaxBytes, errorBodyTimeoutMs)
  }
}
