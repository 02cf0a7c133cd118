// One address of a registry: sends a request through token dance and redirects, and reads what it means.

import type { RepositoryName } from '../oci/name.ts'
import { discard, header } from './answer.ts'
import type { Answer, Method } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { withRetries } from './attempts.ts'
import { Authorizer } from './authorizer.ts'
import type { AuthorizedAnswer } from './authorizer.ts'
import type { Deadline } from './deadline.ts'
import { Gate } from './gate.ts'
import type { UpstreamLimits } from './limits.ts'
import { follow, RedirectRefused } from './redirects.ts'
import type { Followed } from './redirects.ts'
import { readRefusal } from './refusal.ts'
import type { Refusal } from './refusal.ts'
import { parseRetryAfter } from './retry.ts'
import { isHtml, meaningOf } from './status.ts'
import type { Meaning } from './status.ts'
import { Tokens } from './tokens.ts'
import type { Transport } from './transport.ts'
import type { Peer } from './transport-failure.ts'

export interface Question {
  readonly method: Method
  readonly repository: RepositoryName
  /** Below the repository: `manifests/1.27`. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly headersTimeoutMs: number
  readonly download: boolean
}

export type Reply =
  | { readonly meaning: 'ok'; readonly answer: Answer; readonly peer: Peer }
  | { readonly meaning: 'missing' | 'head-refused' }

export interface EndpointOptions {
  readonly registry: string
  readonly url: URL
  readonly transport: Transport
  readonly limits: UpstreamLimits
  readonly now: () => number
}

export class Endpoint {
  readonly #options: EndpointOptions
  readonly #base: string
  readonly #gate: Gate
  readonly #authorizer: Authorizer

  constructor(options: EndpointOptions) {
    const { registry, url: endpoint, transport, limits, now } = options
    this.#options = options
    this.#base = `${endpoint.origin}${endpoint.pathname.replace(/\/+$/, '')}/v2/`
    this.#gate = new Gate(`${registry}: ${endpoint.host}`, limits, now)
    const tokens = new Tokens({ registry, endpoint, transport, limits, now })
    const ping = (signal: AbortSignal): Promise<Answer> => this.#ping(signal)
    this.#authorizer = new Authorizer({ endpoint, tokens, limits, ping })
  }

  /** Runs `attempt`, which calls `ask`, as often as is worth it, unless this endpoint is not to be asked. */
  async run<T>(deadline: Deadline, tries: number, attempt: () => Promise<T>): Promise<T> {
    await this.#gate.admit(deadline.signal)
    try {
      const result = await withRetries(
        () => this.#heedingPauses(attempt),
        deadline,
        tries,
        this.#options.limits,
      )
      this.#gate.succeeded()
      return result
    } catch (error) {
      this.#gate.failed(error)
      throw error
    }
  }

  /** Whoever said 429, token server and storage too: the pause holds for the whole endpoint. */
  async #heedingPauses<T>(attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof AttemptError && error.kind === 'rate-limited') {
        this.#gate.pause(error.retryAfterMs)
      }
      throw error
    }
  }

  /** One try. Every refusal that is not absence is thrown. */
  async ask(question: Question, signal: AbortSignal): Promise<Reply> {
    const { answer, redirected } = await this.#follow(question, signal)
    const { status } = answer
    const contentType = header(answer, 'content-type')
    const good = status < 300 && !isHtml(contentType)
    const refusal = good ? undefined : await readRefusal(answer, this.#options.limits)
    const meaning = meaningOf({
      method: answer.method,
      status,
      contentType,
      ranged: 'range' in question.headers,
      hasErrors: refusal?.hasErrors ?? false,
      redirected,
      authorized: answer.authorized,
    })
    if (meaning === 'ok') return { meaning, answer, peer: this.#peer(answer.url) }
    if (!answer.body.destroyed) this.#discard(answer)
    if (meaning === 'missing' || meaning === 'head-refused') return { meaning }
    throw this.#refused(meaning, question, { answer, redirected }, refusal)
  }

  async #follow(question: Question, signal: AbortSignal): Promise<Followed<AuthorizedAnswer>> {
    const { registry, url: endpoint, limits } = this.#options
    try {
      return await follow(
        this.#urlOf(question),
        { endpoint, hopsMax: limits.redirectHopsMax },
        (url) => this.#send(url, question, signal),
        (answer) => this.#discard(answer),
      )
    } catch (error) {
      if (!(error instanceof RedirectRefused)) throw error
      const words = `${registry}: ${this.#describe(question)} was ${error.message}`
      throw new AttemptError('bad-response', words)
    }
  }

  #send(url: URL, question: Question, signal: AbortSignal): Promise<AuthorizedAnswer> {
    const { method, repository, headersTimeoutMs, download } = question
    const { vital } = this.#peer(url)
    return this.#authorizer.send({
      url,
      repository,
      signal,
      send: (token) => {
        const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
        const headers = { ...question.headers, ...authorization }
        const exchange = { method, headers, headersTimeoutMs, signal, download, vital }
        return this.#options.transport.send(url, exchange)
      },
    })
  }

  #ping(signal: AbortSignal): Promise<Answer> {
    const headersTimeoutMs = this.#options.limits.tokenHeadersTimeoutMs
    const exchange = { method: 'GET', headers: {}, headersTimeoutMs, signal } as const
    const url = new URL(this.#base)
    return this.#options.transport.send(url, { ...exchange, download: false, vital: true })
  }

  #refused(
    meaning: Exclude<Meaning, 'ok' | 'missing' | 'head-refused'>,
    question: Question,
    { answer, redirected }: Followed<Answer>,
    refusal: Refusal | undefined,
  ): AttemptError {
    const { registry, limits, now } = this.#options
    const { status, url } = answer
    const place = redirected ? 'the redirect of ' : ''
    const page = isHtml(header(answer, 'content-type')) ? ' with an HTML page' : ''
    const said = refusal?.text === undefined ? '' : `: ${refusal.text}`
    const what = `${place}${this.#describe(question)}${said}`
    const message = `${registry}: ${url.host} answered ${status}${page} to ${what}`
    if (meaning === 'not-visible') return new AttemptError('not-visible', message)
    if (meaning === 'odd') return new AttemptError('bad-response', message)

    const retryAfterMs = parseRetryAfter(header(answer, 'retry-after'), now(), limits.pauseMaxMs)
    const transient = status >= 500 || retryAfterMs !== undefined
    const options = { retryAfterMs, transient }
    if (meaning === 'rate-limited') return new AttemptError('rate-limited', message, options)
    return new AttemptError(status === 408 ? 'timed-out' : 'bad-response', message, options)
  }

  /** The path of the first request only: those of redirects can be signed. */
  #describe(question: Question): string {
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
