// The ways to fail, on one page. Absence is a value, not an error: see each lookup's return type.
// No class here knows HTTP; http/error-response.ts turns (class, kind) into status and OCI code.

import type { Digest } from './oci/digest.ts'
import type { ErrorCode } from './oci/error-code.ts'

/**
 * Why an upstream registry could not give what was asked.
 * - `unreachable`: no connection, or it broke before an answer
 * - `timed-out`: connected, but no answer within the limit
 * - `rate-limited`: 429, or a pause that an earlier 429 asked for
 * - `not-visible`: 401 or 403 to an anonymous request; registries say so of missing repositories too
 * - `unauthorized`: the configured credentials were refused
 * - `bad-response`: an answer that cannot be right (5xx, HTML, wrong length, wrong digest)
 * - `set-aside`: not asked at all, since it failed several times just now
 * - `offline`: not asked at all, since the operator declared the mirror offline
 */
export type UpstreamErrorKind =
  | 'unreachable'
  | 'timed-out'
  | 'rate-limited'
  | 'not-visible'
  | 'unauthorized'
  | 'bad-response'
  | 'set-aside'
  | 'offline'

const PASSING: ReadonlySet<UpstreamErrorKind> = new Set([
  'unreachable',
  'timed-out',
  'rate-limited',
  'set-aside',
])

const UNSENT: ReadonlySet<UpstreamErrorKind> = new Set(['set-aside', 'offline'])

/** No registry counts over longer than a day. */
export const RETRY_AFTER_MAX_MS = 24 * 3_600_000

export interface UpstreamErrorOptions {
  readonly cause?: unknown
  readonly retryAfterMs?: number | undefined
  /** Default: as the kind says. */
  readonly mayPass?: boolean | undefined
  /** Default: as the kind says. */
  readonly wasSent?: boolean | undefined
  /** Default: the message itself. */
  readonly publicMessage?: string
}

/** Why something is not as it was asked for, in a sentence. */
export interface Reason {
  /** For the operator, who may know everything but secrets. */
  readonly message: string
  /** For whoever pulls: neither where a login is kept nor what was said to it. */
  readonly publicMessage: string
}

export function plainReason(message: string): Reason {
  return { message, publicMessage: message }
}

/** Of failures of our own only the log tells more: they name paths. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof UpstreamError) return error
  const message = error instanceof Error ? error.message : String(error)
  const isForAll = error instanceof IntegrityError || error instanceof RequestError
  if (isForAll) return plainReason(message)
  return { message, publicMessage: "the mirror failed; the mirror's log says more" }
}

export class UpstreamError extends Error implements Reason {
  override readonly name = 'UpstreamError'
  readonly kind: UpstreamErrorKind
  readonly publicMessage: string
  /** When to ask again, where upstream said so, up to RETRY_AFTER_MAX_MS. */
  readonly retryAfterMs: number | undefined
  /**
   * Whether the same may succeed later with nobody doing anything about it: never a refusal, nor a
   * certificate that is not trusted, nor an answer that makes no sense, unless it is a 5xx.
   */
  readonly mayPass: boolean
  /** Not so: refused here, for what had been said to an earlier request. */
  readonly wasSent: boolean

  constructor(kind: UpstreamErrorKind, message: string, options: UpstreamErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.kind = kind
    this.publicMessage = options.publicMessage ?? message
    this.retryAfterMs = options.retryAfterMs
    this.mayPass = options.mayPass ?? PASSING.has(kind)
    this.wasSent = options.wasSent ?? !UNSENT.has(kind)
  }
}

/** Content that is not what its digest or descriptor says. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError'
  readonly kind: 'digest' | 'size' | 'manifest'

  constructor(kind: 'digest' | 'size' | 'manifest', message: string) {
    super(message)
    this.kind = kind
  }
}

export function digestMismatch(expected: Digest, found: Digest): IntegrityError {
  return new IntegrityError('digest', `upstream sent content of digest ${found} for ${expected}`)
}

/**
 * Why the data folder cannot be used as asked.
 * - `full`: the disk has no space left
 * - `no-room`: the store may not grow so much, by its limits
 * - `damaged-file`: a stored file is there, and cannot be read to its end
 */
export type StoreErrorKind =
  'full' | 'no-room' | 'io' | 'damaged-file' | 'locked' | 'newer' | 'corrupt-index'

export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly kind: StoreErrorKind

  constructor(kind: StoreErrorKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.kind = kind
  }
}

/** What was asked cannot be done as asked; the message is a sentence for who asked. */
export class JobRefused extends Error {
  override readonly name = 'JobRefused'
}

/** Nothing is wrong with what was asked: there is no place for it now, or no longer. */
export class JobPutOff extends Error {
  override readonly name = 'JobPutOff'
}

/** The owner of the store leaves: whoever owns it next is to be asked for the same. */
export class JobHandedBack extends Error {
  override readonly name = 'JobHandedBack'
  /** It leaves since a server waits for the store. */
  readonly isForServer: boolean

  constructor(isForServer: boolean) {
    super('the regmirror that was to do this leaves the store')
    this.isForServer = isForServer
  }
}

/** What the client asked cannot be answered as asked; goes out with its own OCI code. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly code: ErrorCode
  readonly detail: unknown

  constructor(code: ErrorCode, message: string, detail?: unknown) {
    super(message)
    this.code = code
    this.detail = detail
  }
}

/** A login is configured but cannot be had; the message names the file or program and says why. */
export class LoginError extends Error {
  override readonly name = 'LoginError'
  /** What to do where the message does not say it: the end of a sentence. */
  readonly remedy: string | undefined

  constructor(message: string, options: { cause?: unknown; remedy?: string } = {}) {
    super(message, { cause: options.cause })
    this.remedy = options.remedy
  }
}

/** What is wrong with the configuration: every problem at once, a sentence each. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}
