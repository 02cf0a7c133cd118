// Requests with the registry's login, where it turns out that they need one. A login must not make
// anything worse: what is open to everybody stays so when the login is refused, or knows less.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'
import { discard } from './answer.ts'
import type { Answer } from './answer.ts'
import type { AnonymousSender } from './anonymous-sender.ts'
import type { AttemptError } from './attempt-error.ts'
import { anonymousAnswer, isNotVisible, REFUSING } from './authorized.ts'
import type { AuthorizedAnswer, AuthorizedRequest } from './authorized.ts'
import { parseChallenges } from './challenge.ts'
import type { UpstreamLimits } from './limits.ts'
import type { EndpointLogins } from './endpoint-logins.ts'
import { registryAuthorization } from './login-header.ts'
import type { LoginProofs } from './login-proof.ts'
import type { LoginSite } from './login-reach.ts'
import { loginWay } from './login-way.ts'
import type { LoginWay } from './login-way.ts'
import type { HeldLogin } from './logins.ts'
import type { PingedChallenge } from './pinged-challenge.ts'
import { secretsOf } from './sent-secrets.ts'
import type { Tokens } from './tokens.ts'

export interface LoginSenderOptions {
  readonly site: LoginSite
  readonly logins: EndpointLogins
  readonly proofs: LoginProofs
  readonly anonymous: AnonymousSender
  readonly tokens: Tokens
  readonly pinged: PingedChallenge
  readonly limits: UpstreamLimits
}

/** A way that was good for a repository. `trouble`: why it is anonymous although there is a login. */
type KnownWay = LoginWay | AnonymousWay

interface AnonymousWay {
  readonly kind: 'anonymous'
  /** Undefined: there was none to use. */
  readonly held: HeldLogin | undefined
  readonly trouble: string | undefined
}

const WITHOUT_LOGIN: AnonymousWay = { kind: 'anonymous', held: undefined, trouble: undefined }

/** How a try with an accepted login went: the token server may be who refuses. */
type Outcome =
  | { readonly answer: AuthorizedAnswer; readonly error: undefined }
  | { readonly answer: undefined; readonly error: AttemptError }

/** Registries hide from the anonymous what a login would see: by 401, Artifactory also by 404. */
const HIDING: ReadonlySet<number> = new Set([401, 403, 404])

export class LoginSender {
  readonly #options: LoginSenderOptions
  readonly #ways: LRUCache<string, KnownWay>

  constructor(options: LoginSenderOptions) {
    this.#options = options
    this.#ways = boundedMap(options.limits.rememberedMax)
  }

  /** Nobody looks for a login before there is something that may need it. */
  async send(request: AuthorizedRequest): Promise<AuthorizedAnswer> {
    const known = await this.#sendKnown(request)
    if (known) return known
    return await this.#sendInTheOpen(request, async (open) => {
      const { logins, anonymous } = this.#options
      const usable = await logins.current(request.repository, request.signal)
      if (usable && 'held' in usable) return await this.#sendAs(usable.held, open, request, true)
      if (open.status === 401) this.#ways.set(keyOf(request), WITHOUT_LOGIN)
      return await anonymous.send(request, { trouble: usable?.trouble, open })
    })
  }

  /** Undefined: start again in the open. */
  async #sendKnown(request: AuthorizedRequest): Promise<AuthorizedAnswer | undefined> {
    const { logins, anonymous } = this.#options
    const way = this.#ways.get(keyOf(request))
    if (!way) return undefined
    const usable = await logins.current(request.repository, request.signal)
    if (!usable) return await anonymous.send(request)
    if ('trouble' in usable) return await anonymous.send(request, usable)
    if (usable.held.id !== way.held?.id) return undefined
    try {
      const answer =
        way.kind === 'anonymous'
          ? await anonymous.send(request, way)
          : await this.#sendBy(way, request)
      if (!this.#isSpent(way, answer.status)) return answer
      this.#discard(answer)
    } catch (error) {
      if (!isNotVisible(error)) throw error
    }
    this.#ways.delete(keyOf(request))
    return undefined
  }

  /** `hidden` decides about an answer that may be another for a login. */
  async #sendInTheOpen(
    request: AuthorizedRequest,
    hidden: (open: Answer) => Promise<AuthorizedAnswer>,
  ): Promise<AuthorizedAnswer> {
    const open = await request.send(undefined)
    if (!HIDING.has(open.status)) return anonymousAnswer(open)
    try {
      return await hidden(open)
    } catch (error) {
      if (!open.body.destroyed) this.#discard(open)
      throw error
    }
  }

  /** `mayRenew`: whether another login may be looked for when this one is refused. */
  async #sendAs(
    held: HeldLogin,
    open: Answer,
    request: AuthorizedRequest,
    mayRenew: boolean,
  ): Promise<AuthorizedAnswer> {
    const way = await this.#wayAfter(open, held, request)
    if (!way) return anonymousAnswer(open)
    this.#discard(open)
    if ('trouble' in way) return await this.#sendWithout(held, request, way.trouble)
    const proof = await this.#options.proofs.of(way, request.signal)
    return proof.word === 'refused'
      ? await this.#sendRefused(held, proof.said, request, mayRenew)
      : await this.#sendProven(way, request, mayRenew)
  }

  /** ECR says 403 when a password has expired; who is anonymous for a reason has no other way. */
  #isSpent(way: KnownWay, status: number): boolean {
    if (way.kind === 'anonymous') return way.trouble === undefined && REFUSING.has(status)
    return status === 401 || (status === 403 && this.#options.proofs.isOld(way))
  }

  /** With a login that was accepted; what is refused to it may still be open to everybody. */
  async #sendProven(
    way: LoginWay,
    request: AuthorizedRequest,
    mayRenew: boolean,
  ): Promise<AuthorizedAnswer> {
    const { held } = way
    const outcome = await this.#trySending(way, request)
    const { answer } = outcome
    if (answer && answer.status !== 401) this.#ways.set(keyOf(request), way)
    if (answer && !REFUSING.has(answer.status)) {
      this.#options.logins.accepted(held)
      return answer
    }
    const said = await this.#refusalOf(way, outcome, request)
    if (said !== undefined) {
      if (answer) this.#discard(answer)
      return await this.#sendRefused(held, said, request, mayRenew)
    }
    const open = await this.#openAnswer(held, request)
    if (open && answer) this.#discard(answer)
    if (open) return open
    if (!answer) throw outcome.error
    return answer
  }

  async #sendRefused(
    held: HeldLogin,
    said: string,
    request: AuthorizedRequest,
    mayRenew: boolean,
  ): Promise<AuthorizedAnswer> {
    const { logins, anonymous } = this.#options
    const { repository, signal } = request
    const renewed = mayRenew ? await logins.renewed(held, repository, signal) : undefined
    if (!renewed) return await anonymous.send(request, { trouble: logins.leaveAlone(held, said) })
    return await this.#sendInTheOpen(request, (open) => this.#sendAs(renewed, open, request, false))
  }

  /** The login cannot be used for what is asked, which will not change soon. */
  async #sendWithout(
    held: HeldLogin,
    request: AuthorizedRequest,
    trouble: string,
  ): Promise<AuthorizedAnswer> {
    const { logins, anonymous } = this.#options
    logins.useless(trouble)
    this.#rememberAnonymous(held, request, trouble)
    return await anonymous.send(request, { trouble })
  }

  /** Undefined: the login itself is still good, as far as can be told. */
  async #refusalOf(
    way: LoginWay,
    { answer, error }: Outcome,
    { signal }: AuthorizedRequest,
  ): Promise<string | undefined> {
    const { proofs, limits, site } = this.#options
    const proof = await proofs.of(way, signal, limits.loginProvenMs)
    if (proof.word === 'refused') return proof.said
    const status = answer?.status ?? error?.status
    if (proof.word === 'accepted' || status !== 401) return undefined
    const { registry, endpoint } = site
    const said = `${registry}: ${endpoint.host} answered 401 to the login from ${way.held.origin}`
    return error?.message ?? said
  }

  async #trySending(way: LoginWay, request: AuthorizedRequest): Promise<Outcome> {
    try {
      return { answer: await this.#sendBy(way, request), error: undefined }
    } catch (error) {
      if (isNotVisible(error)) return { answer: undefined, error }
      throw error
    }
  }

  async #sendBy(way: LoginWay, request: AuthorizedRequest): Promise<AuthorizedAnswer> {
    if (way.kind === 'login') {
      return await sendWith(way.held, registryAuthorization(way.held.login), request)
    }
    const { tokens } = this.#options
    const token = await this.#tokenOrForget(way, request)
    const answer = await sendWith(way.held, `Bearer ${token}`, request)
    if (answer.status === 401) tokens.drop(way.grant, token)
    return answer
  }

  /** A realm that no longer gives tokens may have moved: the next try asks the registry again. */
  async #tokenOrForget(
    { grant }: LoginWay & { kind: 'token' },
    request: AuthorizedRequest,
  ): Promise<string> {
    try {
      return await this.#options.tokens.get(grant, request.signal)
    } catch (error) {
      this.#ways.delete(keyOf(request))
      throw error
    }
  }

  /** Undefined: it asks for nothing at all. */
  async #wayAfter(
    open: Answer,
    held: HeldLogin,
    { url, repository, signal }: AuthorizedRequest,
  ): Promise<ReturnType<typeof loginWay> | undefined> {
    const { site, pinged } = this.#options
    const own = parseChallenges(open.headers['www-authenticate'])
    const challenges = own.length > 0 ? own : await pinged.get(signal)
    if (challenges.length === 0) return undefined
    return loginWay(held, { challenges, url, repository }, site)
  }

  /** Undefined where it is refused to the anonymous too. */
  async #openAnswer(
    held: HeldLogin,
    request: AuthorizedRequest,
  ): Promise<AuthorizedAnswer | undefined> {
    try {
      const answer = await this.#options.anonymous.send(request)
      if (REFUSING.has(answer.status)) {
        this.#discard(answer)
        return undefined
      }
      this.#rememberAnonymous(held, request, undefined)
      return answer
    } catch (error) {
      if (isNotVisible(error)) return undefined
      throw error
    }
  }

  #rememberAnonymous(
    held: HeldLogin,
    request: AuthorizedRequest,
    trouble: string | undefined,
  ): void {
    const { challengeKeptMs: ttl } = this.#options.limits
    this.#ways.set(keyOf(request), { kind: 'anonymous', held, trouble }, { ttl })
  }

  #discard({ body }: Answer): void {
    const { errorBodyMaxBytes, errorBodyTimeoutMs } = this.#options.limits
    discard(body, errorBodyMaxBytes, errorBodyTimeoutMs)
  }
}

async function sendWith(
  { login }: HeldLogin,
  authorization: string | undefined,
  request: AuthorizedRequest,
): Promise<AuthorizedAnswer> {
  const answer = await request.send(authorization)
  const secrets = secretsOf(login, authorization)
  return { ...answer, authorized: true, isAnonymous: false, loginTrouble: undefined, secrets }
}

function keyOf({ url, repository }: AuthorizedRequest): string {
  return `${url.origin} ${repository}`
}
