// A limit on everything that one lookup does, as a signal that aborts with an UpstreamError.

import type { UpstreamError } from '../errors.ts'

export interface Deadline {
  readonly signal: AbortSignal
  remainingMs(): number
  cancel(): void
}

export function startDeadline(timeoutMs: number, error: () => UpstreamError): Deadline {
  const controller = new AbortController()
  const endsAt = performance.now() + timeoutMs
  const timer = setTimeout(() => controller.abort(error()), timeoutMs)
  return {
    signal: controller.signal,
    remainingMs: () => Math.max(0, endsAt - performance.now()),
    cancel: () => clearTimeout(timer),
  }
}

/** Stops waiting for `promise` when the signal aborts; the promise itself goes on, for others. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  promise.catch(() => undefined)
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
