// A request that may need a token or a login, and its answer. Mostly types.

import type { Secret } from '../lib/secret.ts'
import type { RepositoryName } from '../oci/name.ts'
import type { Answer } from './answer.ts'
import { AttemptError } from './attempt-error.ts'
import { secretsOf } from './sent-secrets.ts'

export interface AuthorizedRequest {
  readonly url: URL
  readonly repository: RepositoryName
  /** Without the login, where there is one. */
  readonly anonymously: boolean
  readonly signal: AbortSignal
  send(authorization: string | undefined): Promise<Answer>
}

export interface AuthorizedAnswer extends Answer {
  /** Whether a token or a login was sent along. */
  readonly authorized: boolean
  /** Whether no login was used for it. */
  readonly isAnonymous: boolean
  /** Why the login that is configured was not used, in a sentence; undefined where none is missed. */
  readonly loginTrouble: string | undefined
  /** What it may repeat and we must not. */
  readonly secrets: readonly Secret[]
}

/** Told by the status: this request was refused to whoever sent it. */
export const REFUSING: ReadonlySet<number> = new Set([401, 403])

/** `authorization`: a token that anybody gets. */
export function anonymousAnswer(answer: Answer, authorization?: string): AuthorizedAnswer {
  const authorized = authorization !== undefined
  const secrets = secretsOf(undefined, authorization)
  return { ...answer, authorized, isAnonymous: true, loginTrouble: undefined, secrets }
}

/** A refusal by whoever gives the tokens. */
export function isNotVisible(error: unknown): error is AttemptError {
  return error instanceof AttemptError && error.kind === 'not-visible'
}
