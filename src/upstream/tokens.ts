// Bearer tokens: asked once for all who wait, kept while they are good.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'
import type { UpstreamErrorKind } from '../errors.ts'
import type { Secret } from '../lib/secret.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { discard, header, readBounded } from './answer.ts'
import type { Answer } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import type { AttemptErrorOptions } from './attempt-error.ts'
import { startDeadline, untilAborted } from './deadline.ts'
import type { UpstreamLimits } from './limits.ts'
import { isSameHost } from './login-reach.ts'
import type { LoginSite } from './login-reach.ts'
import type { TokenGrant } from './realm.ts'
import { follow, isRedirect, RedirectRefused } from './redirects.ts'
import { readRefusal } from './refusal.ts'
import { parseRetryAfter } from './retry.ts'
import { secretsOf } from './sent-secrets.ts'
import { parseTokenAnswer } from './token-answer.ts'
import type { TokenAnswer } from './token-answer.ts'
import { refresh, tokenRequests } from './token-request.ts'
import type { TokenRequest } from './token-request.ts'
import type { Transport } from './transport.ts'
import { transportFailure } from './transport-failure.ts'

interface KeptToken {
  readonly token: string
  readonly expiresAtMs: number
}

export interface TokensOptions {
  readonly site: LoginSite
  readonly transport: Transport
  readonly limits: UpstreamLimits
  readonly now: () => number
}

/** How servers say that they do not know a way to ask, or (Artifactory, Azure) seem to refuse it. */
const UNKNOWN_GET: ReadonlySet<number> = new Set([404, 405])
const UNKNOWN_POST: ReadonlySet<number> = new Set([400, 401, 404, 405])

export class Tokens {
  readonly #options: TokensOptions
  readonly #kept: LRUCache<string, KeptToken>
  readonly #refreshTokens: LRUCache<string, Secret>
  /** Realms, with the kind of login, that know only the second way to ask. */
  readonly #knowSecondOnly: LRUCache<string, true>
  readonly #fetching = new SingleFlight<KeptToken>()

  constructor(options: TokensOptions) {
    const max = options.limits.rememberedMax
    this.#options = options
    this.#kept = boundedMap(max)
    this.#refreshTokens = boundedMap(max)
    this.#knowSecondOnly = boundedMap(max)
  }

  async get(grant: TokenGrant, signal: AbortSignal): Promise<string> {
    const key = keyOf(grant)
    const kept = this.#kept.get(key)
    if (kept && this.#options.now() < kept.expiresAtMs) return kept.token
    const fetched = this.#fetching.run(key, async () => {
      const token = await this.#fetch(grant)
      this.#kept.set(key, token)
      return token
    })
    return (await untilAborted(fetched, signal)).token
  }

  /** Asks with the login itself and throws where it gets no token. */
  async prove(grant: TokenGrant, signal: AbortSignal): Promise<void> {
    // A refresh token outlives its password. That of an identity token takes the place of the login:
    // some servers know the old one no longer.
    const isSuccessor = grant.held?.login.kind === 'identity-token'
    await (isSuccessor ? this.#ask(grant, signal) : this.#askWithLogin(grant, signal))
  }

  /** Forgets a token that was refused, unless somebody has replaced it meanwhile. */
  drop(grant: TokenGrant, token: string): void {
    const key = keyOf(grant)
    if (this.#kept.get(key)?.token === token) this.#kept.delete(key)
  }

  /** On a deadline of its own: whoever asked first may give up while others still wait. */
  async #fetch(grant: TokenGrant): Promise<KeptToken> {
    const { site, limits, now } = this.#options
    const deadline = startDeadline(limits.tokenBudgetMs, () => {
      const { host } = grant.realm
      const say = (what: string): string =>
        `${site.registry}: ${host} took too long to answer ${what}`
      return failed('timed-out', grant, say, { host, transient: true, endpointDown: true })
    })
    // The local clock from before the request: issued_at belongs to a clock that may be wrong.
    const askedAtMs = now()
    try {
      const { token, lifetimeMs } = await this.#ask(grant, deadline.signal)
      return { token, expiresAtMs: askedAtMs + lifetimeMs }
    } finally {
      deadline.cancel()
    }
  }

  async #ask(grant: TokenGrant, signal: AbortSignal): Promise<TokenAnswer> {
    const refreshed = await this.#askWithRefreshToken(grant, signal)
    return refreshed ?? (await this.#askWithLogin(grant, signal))
  }

  async #askWithLogin(grant: TokenGrant, signal: AbortSignal): Promise<TokenAnswer> {
    const [first, second] = this.#inOrder(grant)
    if (!first) throw new Error('a token is asked for in at least one way')
    const answer = await this.#send(first, grant, signal)
    if (!second || !isUnknown(first, answer)) return await this.#read(answer, grant)
    this.#discard(answer)
    const found = await this.#read(await this.#send(second, grant, signal), grant)
    this.#knowSecondOnly.set(waysKeyOf(grant), true)
    return found
  }

  /** One that a server gave with a token, which then need not be asked for with the password again. */
  async #askWithRefreshToken(
    grant: TokenGrant,
    signal: AbortSignal,
  ): Promise<TokenAnswer | undefined> {
    const key = refreshKeyOf(grant)
    const refreshToken = this.#refreshTokens.get(key)
    if (!refreshToken) return undefined
    const answer = await this.#send(refresh(grant, refreshToken), grant, signal)
    if (answer.status === 200) return await this.#read(answer, grant)
    this.#discard(answer)
    if (this.#refreshTokens.get(key) === refreshToken) this.#refreshTokens.delete(key)
    return undefined
  }

  #inOrder(grant: TokenGrant): readonly TokenRequest[] {
    const requests = tokenRequests(grant)
    return this.#knowSecondOnly.has(waysKeyOf(grant)) ? requests.slice(1) : requests
  }

  async #send(request: TokenRequest, grant: TokenGrant, signal: AbortSignal): Promise<Answer> {
    const { site, transport, limits } = this.#options
    const { method, url: start, authorization, form } = request
    const send = (url: URL): Promise<Answer> => {
      // Where it redirects to is somebody else's.
      const isThere = isSameHost(url, grant.realm)
      const headers = {
        accept: 'application/json',
        ...(authorization !== undefined && isThere && { authorization }),
        ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      }
      const headersTimeoutMs = limits.tokenHeadersTimeoutMs
      const exchange = { method, headers, body: form, headersTimeoutMs, signal } as const
      return transport.send(url, { ...exchange, download: false, vital: true })
    }
    // A form goes nowhere but where it was meant to go.
    if (method === 'POST') return await send(start)
    try {
      const options = { ...site, hopsMax: limits.redirectHopsMax }
      return (await follow(start, options, send, (answer) => this.#discard(answer))).answer
    } catch (error) {
      if (!(error instanceof RedirectRefused)) throw error
      const say = (what: string): string => `${site.registry}: ${what} was ${error.message}`
      throw failed('bad-response', grant, say, { host: start.host })
    }
  }

  async #read(answer: Answer, grant: TokenGrant): Promise<TokenAnswer> {
    if (answer.status !== 200) throw await this.#refused(answer, grant)
    const { site, limits } = this.#options
    const { registry } = site
    const { host } = answer.url
    const bytes = await readBounded(answer.body, limits.tokenBodyMaxBytes).catch(
      (error: unknown) => {
        throw transportFailure(error, { registry, host, vital: true })
      },
    )
    const parsed = bytes && parseTokenAnswer(bytes.toString())
    if (!parsed) {
      const say = (what: string): string =>
        `${registry}: ${host} gave no token in answer to ${what}`
      throw failed('bad-response', grant, say, { host })
    }
    // Some servers give a new one each time, and then know the old one no longer.
    if (parsed.refreshToken && grant.held) {
      this.#refreshTokens.set(refreshKeyOf(grant), parsed.refreshToken)
    }
    return parsed
  }

  async #refused(answer: Answer, grant: TokenGrant): Promise<AttemptError> {
    const { site, limits, now } = this.#options
    const { status } = answer
    const { text } = await readRefusal(answer, secretsOf(grant.held?.login), limits)
    const { host } = answer.url
    const say = (what: string, said = text): string =>
      `${site.registry}: ${host} answered ${status} to ${what}${said ? `: ${said}` : ''}`
    const retryAfterMs = parseRetryAfter(header(answer, 'retry-after'), now())
    const about = { host, status }
    if (status === 401 || status === 403) return failed('not-visible', grant, say, about)
    if (status === 429) {
      const transient = retryAfterMs !== undefined
      return failed('rate-limited', grant, say, { ...about, retryAfterMs, transient })
    }
    const transient = status >= 500
    return failed('bad-response', grant, say, { ...about, retryAfterMs, transient })
  }

  #discard({ body }: Answer): void {
    const { errorBodyMaxBytes, errorBodyTimeoutMs } = this.#options.limits
    discard(body, errorBodyMaxBytes, errorBodyTimeoutMs)
  }
}

function isUnknown({ method }: TokenRequest, { status }: Answer): boolean {
  if (method === 'GET') return UNKNOWN_GET.has(status)
  return UNKNOWN_POST.has(status) || isRedirect(status)
}

/** `say` makes the sentence; what is said to a login may name the account, so it is for the log. */
function failed(
  kind: UpstreamErrorKind,
  { scope, held }: TokenGrant,
  say: (what: string, said?: string) => string,
  options: AttemptErrorOptions,
): AttemptError {
  const asked = `the token request for ${scope}`
  if (!held) return new AttemptError(kind, say(asked), options)
  // Without a scope it is the login that is tried.
  const isTry = scope === ''
  const message = say(isTry ? `the login from ${held.origin}` : asked)
  const publicMessage = say(isTry ? "the mirror's login" : asked, '')
  return new AttemptError(kind, message, { ...options, publicMessage })
}

function keyOf({ realm, service, scope, held }: TokenGrant): string {
  return JSON.stringify([realm.href, service, scope, held?.id])
}

function refreshKeyOf({ realm, service, held }: TokenGrant): string {
  return JSON.stringify([realm.href, service, held?.id])
}

function waysKeyOf({ realm, held }: TokenGrant): string {
  return JSON.stringify([realm.href, held?.login.kind])
}
