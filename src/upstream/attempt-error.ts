// One failed try. It leaves this folder as the UpstreamError it is; only retries and gates look further.

import { UpstreamError } from '../errors.ts'
import type { UpstreamErrorKind } from '../errors.ts'

export class AttemptError extends UpstreamError {
  /** Whether the same request may well succeed a moment later. */
  readonly transient: boolean
  /** A failure to talk at all, with a host that the endpoint is useless without. */
  readonly endpointDown: boolean

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    options: {
      cause?: unknown
      retryAfterMs?: number | undefined
      transient?: boolean
      endpointDown?: boolean
    } = {},
  ) {
    super(kind, message, options)
    this.transient = options.transient ?? false
    this.endpointDown = options.endpointDown ?? false
  }
}
