// Whether a login is good, asked of the registry without any repository in the question, so that a
// refusal of the login is told from the refusal of a repository, and a wrong one is sent only once.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'
import { SingleFlight } from '../lib/single-flight.ts'
import { discard, header } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { startDeadline, untilAborted } from './deadline.ts'
import type { UpstreamLimits } from './limits.ts'
import { registryAuthorization } from './login-header.ts'
import type { LoginSite } from './login-reach.ts'
import type { LoginWay } from './login-way.ts'
import type { HeldLogin } from './logins.ts'
import type { Ping, PingedChallenge } from './pinged-challenge.ts'
import type { TokenGrant } from './realm.ts'
import { readRefusal } from './refusal.ts'
import { parseRetryAfter } from './retry.ts'
import { secretsOf } from './sent-secrets.ts'
import type { Tokens } from './tokens.ts'

/**
 * - `unclear`: nobody said no, nor clearly yes; the registry's own 401 then means no
 * - `refused`: in whose words
 */
export type Proof =
  | { readonly word: 'accepted' | 'unclear'; readonly atMs: number }
  | { readonly word: 'refused'; readonly said: string; readonly atMs: number }

export interface LoginProofsOptions {
  readonly site: LoginSite
  readonly tokens: Tokens
  readonly limits: UpstreamLimits
  readonly now: () => number
  readonly ping: Ping
  readonly pinged: PingedChallenge
}

export class LoginProofs {
  readonly #options: LoginProofsOptions
  readonly #proofs: LRUCache<string, Proof>
  readonly #asking = new SingleFlight<Proof>()

  constructor(options: LoginProofsOptions) {
    this.#options = options
    this.#proofs = boundedMap(options.limits.rememberedMax)
  }

  /** What was found out before, unless that is older than `maxAgeMs`. */
  async of(way: LoginWay, signal: AbortSignal, maxAgeMs = Infinity): Promise<Proof> {
    const key = keyOf(way)
    const known = this.#proofs.get(key)
    if (known && this.#ageMs(known) < Math.min(maxAgeMs, this.#believedMs(known))) return known
    const asked = this.#asking.run(key, async () => {
      const proof = await this.#ask(way)
      this.#proofs.set(key, proof)
      return proof
    })
    return await untilAborted(asked, signal)
  }

  /** Whether the proof is too old to say anything about a refusal just now. */
  isOld(way: LoginWay): boolean {
    const known = this.#proofs.get(keyOf(way))
    return !known || this.#ageMs(known) >= this.#options.limits.loginProvenMs
  }

  #believedMs({ word }: Proof): number {
    return word === 'refused' ? this.#options.limits.loginRefusedMs : Infinity
  }

  #ageMs({ atMs }: Proof): number {
    return this.#options.now() - atMs
  }

  /** On a deadline of its own, since others may wait for it too. */
  async #ask(way: LoginWay): Promise<Proof> {
    const { site, limits } = this.#options
    const deadline = startDeadline(limits.tokenBudgetMs, () => {
      const message = `${site.registry}: no answer to the login from ${way.held.origin}`
      const publicMessage = `${site.registry}: no answer to the mirror's login`
      const options = { transient: true, endpointDown: true, publicMessage }
      return new AttemptError('timed-out', message, options)
    })
    try {
      return way.kind === 'token'
        ? await this.#askForToken(way.grant, deadline.signal)
        : await this.#askRegistry(way.held, deadline.signal)
    } finally {
      deadline.cancel()
    }
  }

  async #askForToken(grant: TokenGrant, signal: AbortSignal): Promise<Proof> {
    const atMs = this.#options.now()
    try {
      await this.#options.tokens.prove({ ...grant, scope: '' }, signal)
      return { word: 'accepted', atMs }
    } catch (error) {
      if (!(error instanceof AttemptError)) throw error
      if (error.kind === 'not-visible') return { word: 'refused', said: error.message, atMs }
      // There are servers that give nothing without a scope.
      const { status = 0 } = error
      if (status >= 400 && status < 500 && status !== 429) return { word: 'unclear', atMs }
      throw error
    }
  }

  async #askRegistry({ login, origin }: HeldLogin, signal: AbortSignal): Promise<Proof> {
    const { site, limits, now, ping, pinged } = this.#options
    const atMs = now()
    const answer = await ping(signal, registryAuthorization(login))
    const { status, url } = answer
    if (status < 300) {
      discard(answer.body, limits.errorBodyMaxBytes, limits.errorBodyTimeoutMs)
      // Who lets everybody in has not said anything about the login.
      const isGuarded = (await pinged.get(signal)).length > 0
      return { word: isGuarded ? 'accepted' : 'unclear', atMs }
    }
    const { text } = await readRefusal(answer, secretsOf(login), limits)
    const words = text === undefined ? '' : `: ${text}`
    const said = `${site.registry}: ${url.host} answered ${status} to the login from ${origin}${words}`
    if (status === 401 || status === 403) return { word: 'refused', said, atMs }
    if (status !== 429 && status < 500) return { word: 'unclear', atMs }
    const retryAfterMs = parseRetryAfter(header(answer, 'retry-after'), now())
    const kind = status === 429 ? 'rate-limited' : 'bad-response'
    const publicMessage = `${site.registry}: ${url.host} answered ${status} to the mirror's login`
    const about = { status, host: url.host, publicMessage }
    throw new AttemptError(kind, said, { ...about, retryAfterMs, transient: true })
  }
}

function keyOf(way: LoginWay): string {
  const { realm, service } = way.kind === 'token' ? way.grant : {}
  return JSON.stringify([way.held.id, realm?.href, service])
}
