// One address of a registry: sends a request through token dance and redirects, and reads what it means.

import type { LRUCache } from 'lru-cache'
import { boundedMap } from '../lib/bounded-map.ts'
import type { Digest } from '../oci/digest.ts'
import type { RepositoryName } from '../oci/name.ts'
import { discard, header, numberHeader } from './answer.ts'
import type { Answer, Method } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { withRetries } from './attempts.ts'
import { Authorizer } from './authorizer.ts'
import type { AuthorizedAnswer } from './authorized.ts'
import { startDeadline } from './deadline.ts'
import type { Deadline } from './deadline.ts'
import type { EndpointLogins } from './endpoint-logins.ts'
import type { UpstreamEvents } from './events.ts'
import { Gate } from './gate.ts'
import type { Admission } from './gate.ts'
import type { UpstreamLimits } from './limits.ts'
import { parsePullQuota } from './pull-quota.ts'
import { follow, RedirectRefused } from './redirects.ts'
import type { Followed } from './redirects.ts'
import { readRefusal } from './refusal.ts'
import { refusedAttempt } from './refused-attempt.ts'
import { isHtml, meaningOf } from './status.ts'
import { Tokens } from './tokens.ts'
import type { Transport } from './transport.ts'
import type { Peer } from './transport-failure.ts'
import type { EndpointStatus, LoginCheck, PullQuota } from './upstream.ts'

export interface Question {
  readonly method: Method
  readonly repository: RepositoryName
  /** Below the repository, a query included: `manifests/1.27`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly headersTimeoutMs: number
  readonly download: boolean
  /** Without the login, where there is one. */
  readonly anonymously?: boolean
  /** Of a manifest or a blob: that it is not there has to be the registry's own word. */
  readonly ofContent?: boolean
  /** A redirect is then a failure like any other status that tells nothing. */
  readonly refusesRedirects?: boolean
}

export type Reply =
  | {
      readonly meaning: 'ok'
      readonly answer: Answer
      readonly peer: Peer
      /** No login was used on the way, redirects included. */
      readonly isAnonymous: boolean
    }
  /** Without the errors document it may be the address that is unknown, not the thing. */
  | { readonly meaning: 'missing' | 'head-refused'; readonly hasErrors: boolean }

/** One try; the signal ends with it and must not abort a body later. */
export type Attempt<T> = (signal: AbortSignal) => Promise<T>

export interface EndpointOptions {
  readonly registry: string
  readonly url: URL
  /** Further hosts that it may send us to. */
  readonly trustedHosts: readonly string[]
  readonly transport: Transport
  /** Undefined where the login of the registry is not for this endpoint. */
  readonly logins: EndpointLogins | undefined
  readonly limits: UpstreamLimits
  readonly events: UpstreamEvents
  /** The last of its registry, which the others copy. */
  readonly isOrigin: boolean
  readonly now: () => number
}

export class Endpoint {
  readonly url: URL
  readonly isOrigin: boolean
  readonly #options: EndpointOptions
  readonly #base: string
  readonly #gate: Gate
  readonly #authorizer: Authorizer
  readonly #distrusted: LRUCache<Digest, number>
  #quota: PullQuota | undefined

  constructor(options: EndpointOptions) {
    const { registry, url: endpoint, trustedHosts, transport, logins, limits, now } = options
    const { isOrigin, events } = options
    this.#options = options
    this.url = endpoint
    this.isOrigin = isOrigin
    this.#base = `${endpoint.origin}${endpoint.pathname.replace(/\/+$/, '')}/v2/`
    this.#gate = new Gate({
      label: `${registry}: ${endpoint.host}`,
      limits,
      othersFollow: !isOrigin,
      now,
      leftAlone: (what, because, forMs) =>
        events.leftAlone({ registry, endpoint, what, because, forMs }),
      worksAgain: () => events.worksAgain(registry, endpoint),
    })
    this.#distrusted = boundedMap(limits.rememberedMax)
    const site = { registry, endpoint, trustedHosts }
    const tokens = new Tokens({ site, transport, limits, now })
    const ping = this.#ping.bind(this)
    this.#authorizer = new Authorizer({ site, tokens, logins, limits, now, ping })
  }

  /** Without the login where there is one; else there is only one to ask as. */
  #isApart({ anonymously = false }: { readonly anonymously?: boolean }): boolean {
    return anonymously && (this.#options.logins?.mayBeInUse ?? false)
  }

  /** Runs `attempt`, which calls `ask`, as often as is worth it, unless this endpoint is not to be asked. */
  async run<T>(
    wanted: Admission,
    deadline: Deadline,
    attempt: Attempt<T>,
    othersFollow = !this.isOrigin,
  ): Promise<T> {
    const { limits } = this.#options
    const admission = { ...wanted, anonymously: this.#isApart(wanted) }
    await this.#gate.admit(admission, deadline.signal)
    const turn = othersFollow ? this.#shareOf(deadline) : deadline
    // Where there is another endpoint, asking it is better than asking the same one again.
    const tries = this.isOrigin && !wanted.isFurther ? limits.tries : 1
    const heeding = () => this.#heedingPauses(admission, () => attempt(turn.signal))
    try {
      const result = await withRetries(heeding, turn, tries, limits)
      this.#gate.succeeded(admission)
      return result
    } catch (error) {
      if (!wanted.isFurther) this.#gate.failed(error)
      throw error
    } finally {
      if (turn !== deadline) turn.cancel()
    }
  }

  status(): EndpointStatus {
    return { url: this.url, ...this.#gate.status() }
  }

  /** Of the login, where there is one. */
  get quota(): PullQuota | undefined {
    return this.#quota
  }

  /** It gave wrong bytes for this digest, or broke off while it sent them. */
  distrust(digest: Digest): void {
    this.#distrusted.set(digest, this.#options.now())
  }

  /** When it was distrusted, in ms since the epoch; 0 where it is trusted. */
  distrustedAtMs(digest: Digest): number {
    const { limits, now } = this.#options
    const atMs = this.#distrusted.get(digest) ?? 0
    return now() - atMs < limits.distrustMs ? atMs : 0
  }

  /** Without pulling anything. */
  async checkLogin(): Promise<LoginCheck> {
    const { registry, limits } = this.#options
    const deadline = startDeadline(limits.loginCheckBudgetMs, () => {
      const message = `${registry}: ${this.url.host} took too long to answer`
      return new AttemptError('timed-out', message)
    })
    try {
      return await this.#authorizer.checkLogin(deadline.signal)
    } finally {
      deadline.cancel()
    }
  }

  /** Half of the time that is left, so that an endpoint that says nothing leaves some to the next. */
  #shareOf(deadline: Deadline): Deadline {
    const { registry, url } = this.#options
    const shareMs = Math.round(deadline.remainingMs() / 2)
    const share = startDeadline(shareMs, () => {
      const message = `${registry}: ${url.host} did not answer within ${Math.ceil(shareMs / 1000)} s`
      return new AttemptError('timed-out', message, { transient: true, endpointDown: true })
    })
    return { ...share, signal: AbortSignal.any([deadline.signal, share.signal]) }
  }

  /** Whoever said 429, token server and storage too. */
  async #heedingPauses<T>(admission: Admission, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      const isLimited = error instanceof AttemptError && error.kind === 'rate-limited'
      if (isLimited && !admission.isFurther) {
        this.#gate.pause(admission, error.message, error.retryAfterMs)
      }
      throw error
    }
  }

  /** One try. Every refusal that is not absence is thrown. */
  async ask(question: Question, signal: AbortSignal): Promise<Reply> {
    const { answer, redirected, isAnonymous } = await this.#follow(question, signal)
    const { registry, limits, now } = this.#options
    const { status } = answer
    if (!redirected && !this.#isApart(question)) {
      this.#quota = parsePullQuota(answer, now()) ?? this.#quota
    }
    const contentType = header(answer, 'content-type')
    const good = status < 300 && !isHtml(contentType)
    const refusal = good ? undefined : await readRefusal(answer, answer.secrets, limits)
    const hasErrors = refusal?.hasErrors ?? false
    const meaning = meaningOf({
      method: answer.method,
      status,
      contentType,
      ranged: 'range' in question.headers,
      hasErrors,
      ofContent: question.ofContent ?? false,
      isEmpty: numberHeader(answer, 'content-length') === 0,
      redirected,
      authorized: answer.authorized,
    })
    if (meaning === 'ok') return { meaning, answer, peer: this.#peer(answer.url), isAnonymous }
    if (!answer.body.destroyed) this.#discard(answer)
    if (meaning === 'missing' || meaning === 'head-refused') return { meaning, hasErrors }
    const asked = this.#wordsFor(question)
    const refused = { registry, asked, meaning, answer, redirected, refusal }
    throw refusedAttempt(refused, now())
  }

  async #follow(
    question: Question,
    signal: AbortSignal,
  ): Promise<Followed<AuthorizedAnswer> & { readonly isAnonymous: boolean }> {
    const { registry, url: endpoint, trustedHosts, limits } = this.#options
    // Storage behind a redirect needs no login, but who was sent there may have needed one.
    let isAnonymous = true
    const send = async (url: URL): Promise<AuthorizedAnswer> => {
      const answer = await this.#send(url, question, signal)
      isAnonymous &&= answer.isAnonymous
      return answer
    }
    if (question.refusesRedirects) {
      const answer = await send(this.#urlOf(question))
      return { answer, redirected: false, isAnonymous }
    }
    try {
      const options = { endpoint, trustedHosts, hopsMax: limits.redirectHopsMax }
      const discardOf = (answer: Answer): void => this.#discard(answer)
      const followed = await follow(this.#urlOf(question), options, send, discardOf)
      return { ...followed, isAnonymous }
    } catch (error) {
      if (!(error instanceof RedirectRefused)) throw error
      const words = `${registry}: ${this.#wordsFor(question)} was ${error.message}`
      throw new AttemptError('bad-response', words)
    }
  }

  #send(url: URL, question: Question, signal: AbortSignal): Promise<AuthorizedAnswer> {
    const { method, repository, headersTimeoutMs, download, anonymously = false } = question
    const { vital } = this.#peer(url)
    return this.#authorizer.send({
      url,
      repository,
      anonymously,
      signal,
      send: (authorization) => {
        const login = authorization === undefined ? {} : { authorization }
        const headers = { ...question.headers, ...login }
        const exchange = { method, headers, headersTimeoutMs, signal, download, vital }
        return this.#options.transport.send(url, exchange)
      },
    })
  }

  #ping(signal: AbortSignal, authorization?: string): Promise<Answer> {
    const headersTimeoutMs = this.#options.limits.tokenHeadersTimeoutMs
    const headers = authorization === undefined ? {} : { authorization }
    const exchange = { method: 'GET', headers, headersTimeoutMs, signal } as const
    const url = new URL(this.#base)
    return this.#options.transport.send(url, { ...exchange, download: false, vital: true })
  }

  /** The path of the first request only: those of redirects can be signed. */
  #wordsFor(question: Question): string {
    return `${question.method} ${this.#urlOf(question).pathname}`
  }

  #urlOf({ repository, path }: Question): URL {
    return new URL(`${this.#base}${repository}/${path}`)
  }

  #peer(url: URL): Peer {
    const { registry, url: endpoint } = this.#options
    return { registry, host: url.host, vital: url.origin === endpoint.origin }
  }

  #discard({ body }: Answer): void {
    const { errorBodyMaxBytes, errorBodyTimeoutMs } = this.#options.limits
    discard(body, errorBodyMaxBytes, errorBodyTimeoutMs)
  }
}
