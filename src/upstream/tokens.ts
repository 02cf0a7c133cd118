// Anonymous bearer tokens: asked once for all who wait, kept while they are good.

import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../lib/single-flight.ts'
import { discard, header, readBounded } from './answer.ts'
import type { Answer } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { startDeadline, untilAborted } from './deadline.ts'
import type { UpstreamLimits } from './limits.ts'
import { tokenUrl } from './realm.ts'
import type { TokenGrant } from './realm.ts'
import { follow, RedirectRefused } from './redirects.ts'
import { readRefusal } from './refusal.ts'
import { parseRetryAfter } from './retry.ts'
import { parseTokenAnswer } from './token-answer.ts'
import type { Transport } from './transport.ts'
import { transportFailure } from './transport-failure.ts'

interface KeptToken {
  readonly token: string
  readonly expiresAtMs: number
}

export interface TokensOptions {
  readonly registry: string
  readonly endpoint: URL
  readonly transport: Transport
  readonly limits: UpstreamLimits
  readonly now: () => number
}

export class Tokens {
  readonly #options: TokensOptions
  readonly #kept: LRUCache<string, KeptToken>
  readonly #fetching = new SingleFlight<KeptToken>()

  constructor(options: TokensOptions) {
    this.#options = options
    this.#kept = new LRUCache({ max: options.limits.rememberedMax })
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

  /** Forgets a token that was refused, unless somebody has replaced it meanwhile. */
  drop(grant: TokenGrant, token: string): void {
    const key = keyOf(grant)
    if (this.#kept.get(key)?.token === token) this.#kept.delete(key)
  }

  /** On a deadline of its own: whoever asked first may give up while others still wait. */
  async #fetch(grant: TokenGrant): Promise<KeptToken> {
    const { registry, limits, now } = this.#options
    const words = `the token request for ${grant.scope}`
    const deadline = startDeadline(limits.tokenBudgetMs, () => {
      const message = `${registry}: ${grant.realm.host} took too long to answer ${words}`
      return new AttemptError('timed-out', message, { transient: true, endpointDown: true })
    })
    // The local clock from before the request: issued_at belongs to a clock that may be wrong.
    const askedAtMs = now()
    try {
      const answer = await this.#ask(grant, words, deadline.signal)
      if (answer.status !== 200) throw await this.#refused(answer, words)
      const { token, lifetimeMs } = await this.#read(answer, words)
      return { token, expiresAtMs: askedAtMs + lifetimeMs }
    } finally {
      deadline.cancel()
    }
  }

  async #ask(grant: TokenGrant, words: string, signal: AbortSignal): Promise<Answer> {
    const { registry, endpoint, transport, limits } = this.#options
    const exchange = {
      method: 'GET',
      headers: { accept: 'application/json' },
      headersTimeoutMs: limits.tokenHeadersTimeoutMs,
      signal,
      download: false,
      vital: true,
    } as const
    try {
      const { answer } = await follow(
        tokenUrl(grant),
        { endpoint, hopsMax: limits.redirectHopsMax },
        (url) => transport.send(url, exchange),
        ({ body }) => discard(body, limits.errorBodyMaxBytes, limits.errorBodyTimeoutMs),
      )
      return answer
    } catch (error) {
      if (!(error instanceof RedirectRefused)) throw error
      throw new AttemptError('bad-response', `${registry}: ${words} was ${error.message}`)
    }
  }

  async #read(answer: Answer, words: string): Promise<{ token: string; lifetimeMs: number }> {
    const { registry, limits } = this.#options
    const { host } = answer.url
    const bytes = await readBounded(answer.body, limits.tokenBodyMaxBytes).catch(
      (error: unknown) => {
        throw transportFailure(error, { registry, host, vital: true })
      },
    )
    const parsed = bytes && parseTokenAnswer(bytes.toString())
    if (parsed) return parsed
    throw new AttemptError(
      'bad-response',
      `${registry}: ${host} gave no token in answer to ${words}`,
    )
  }

  async #refused(answer: Answer, words: string): Promise<AttemptError> {
    const { registry, limits, now } = this.#options
    const { status } = answer
    const { text } = await readRefusal(answer, limits)
    const said = text === undefined ? '' : `: ${text}`
    const message = `${registry}: ${answer.url.host} answered ${status} to ${words}${said}`
    const retryAfterMs = parseRetryAfter(header(answer, 'retry-after'), now(), limits.pauseMaxMs)
    if (status === 401 || status === 403) return new AttemptError('not-visible', message)
    if (status === 429) {
      const transient = retryAfterMs !== undefined
      return new AttemptError('rate-limited', message, { retryAfterMs, transient })
    }
    return new AttemptError('bad-response', message, { retryAfterMs, transient: status >= 500 })
  }
}

function keyOf({ realm, service, scope }: TokenGrant): string {
  return JSON.stringify([realm.href, service, scope])
}
