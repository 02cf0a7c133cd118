// A refusing answer as the error of the try: a sentence for people, and what retries and gates go by.

import { header } from './answer.ts'
import { AttemptError, uselessLogin } from './attempt-error.ts'
import type { AuthorizedAnswer } from './authorized.ts'
import type { Followed } from './redirects.ts'
import type { Refusal } from './refusal.ts'
import { parseRetryAfter } from './retry.ts'
import { isHtml } from './status.ts'
import type { Meaning } from './status.ts'

export interface RefusedAttempt extends Followed<AuthorizedAnswer> {
  readonly registry: string
  /** `GET /v2/library/nginx/manifests/1.27`. */
  readonly asked: string
  readonly meaning: Exclude<Meaning, 'ok' | 'missing' | 'head-refused'>
  readonly refusal: Refusal | undefined
}

export function refusedAttempt(refused: RefusedAttempt, nowMs: number): AttemptError {
  const { registry, meaning, answer } = refused
  const { status, loginTrouble } = answer
  if (meaning === 'not-visible' && loginTrouble !== undefined) {
    return uselessLogin(registry, loginTrouble, { status })
  }
  const message = sentenceOf(refused)
  // What is said to a login may name the account.
  const publicMessage = answer.isAnonymous
    ? message
    : sentenceOf({ ...refused, refusal: undefined })
  const about = { status, host: answer.url.host, publicMessage }
  if (meaning === 'not-visible') return new AttemptError('not-visible', message, about)
  if (meaning === 'odd') return new AttemptError('bad-response', message, about)

  const retryAfterMs = parseRetryAfter(header(answer, 'retry-after'), nowMs)
  const transient = status >= 500 || retryAfterMs !== undefined
  const options = { ...about, retryAfterMs, transient }
  if (meaning === 'rate-limited') return new AttemptError('rate-limited', message, options)
  return new AttemptError(status === 408 ? 'timed-out' : 'bad-response', message, options)
}

function sentenceOf({ registry, asked, answer, redirected, refusal }: RefusedAttempt): string {
  const { status, url } = answer
  const page = isHtml(header(answer, 'content-type')) ? ' with an HTML page' : ''
  const place = redirected ? 'the redirect of ' : ''
  const said = refusal?.text === undefined ? '' : `: ${refusal.text}`
  return `${registry}: ${url.host} answered ${status}${page} to ${place}${asked}${said}`
}
