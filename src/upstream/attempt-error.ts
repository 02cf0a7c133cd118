// One failed try. It leaves this folder as the UpstreamError it is; only retries and gates look further.

import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind, UpstreamErrorOptions } from '../errors.ts'

export interface AttemptErrorOptions extends UpstreamErrorOptions {
  readonly transient?: boolean
  readonly endpointDown?: boolean
  readonly status?: number
  readonly host?: string
}

export class AttemptError extends UpstreamError {
  /** Whether the same request may well succeed a moment later. */
  readonly transient: boolean
  /** A failure to talk at all, with a host that the endpoint is useless without. */
  readonly endpointDown: boolean
  /** Of the answer that was the failure, where there was one. */
  readonly status: number | undefined
  /** Whose failure it is, where that need not be the endpoint's. */
  readonly host: string | undefined

  constructor(kind: UpstreamErrorKind, message: string, options: AttemptErrorOptions = {}) {
    const { transient = false } = options
    // Of those kinds it depends on what was said; the others are what they are.
    const isSaid = kind === 'unreachable' || kind === 'bad-response'
    super(kind, message, isSaid ? { mayPass: transient, ...options } : options)
    this.transient = transient
    this.endpointDown = options.endpointDown ?? false
    this.status = options.status
    this.host = options.host
  }
}

/** `trouble`: why the login is of no use, for the operator. */
export function uselessLogin(
  registry: string,
  trouble: string,
  options: AttemptErrorOptions,
): AttemptError {
  const publicMessage = `the mirror's login for ${registry} does not work; the mirror's log says more`
  return new AttemptError('unauthorized', trouble, { ...options, publicMessage })
}
